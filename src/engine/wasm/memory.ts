import type { KernelCall, KernelMemory, PeakCall } from '../kernel-session.ts';
import type { KernelThread } from './threads.ts';

export const PAGE_BYTES = 65_536;
/** The kernels' null pointer. */
const NOT_WANTED = 0;

/** One shared WebAssembly memory, and the workers whose instances see it. */
export class WasmMemory implements KernelMemory {
  readonly #buffer: ArrayBufferLike;
  readonly #threads: readonly KernelThread[];
  readonly #session: number;

  constructor(memory: WebAssembly.Memory, threads: readonly KernelThread[], session: number) {
    this.#buffer = memory.buffer;
    this.#threads = threads;
    this.#session = session;
  }

  read(at: number, floats: number): Float32Array {
    // `slice` alone would make another shared buffer.
    return new Float32Array(new Float32Array(this.#buffer, at, floats));
  }

  write(at: number, numbers: Float32Array | Int32Array | Uint32Array): void {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    new Uint8Array(this.#buffer, at, numbers.byteLength).set(bytes);
  }

  async run(call: KernelCall): Promise<void> {
    const { persistent, transient, prepared, scratch, scalars, control, program, records, durations } = call;
    const shared = [scalars, control, program, records, this.#threads.length];
    await Promise.all(
      this.#threads.map((thread, i) => {
        const each = i === 0 && durations !== undefined ? durations : NOT_WANTED;
        const args = [persistent, transient, prepared, scratch[i]!, ...shared, each];
        return thread.send({ kind: 'run', session: this.#session, args });
      }),
    );
  }

  async peak({ kernel, control, at, amount }: PeakCall): Promise<number> {
    const rates = this.#threads.map((thread, i) => {
      const args = [at[i]!, amount, control, this.#threads.length];
      return thread.send({ kind: 'call', session: this.#session, kernel, args });
    });
    return Math.min(...(await Promise.all(rates)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.send({ kind: 'close', session: this.#session })));
  }
}
