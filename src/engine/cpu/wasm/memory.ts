import { RUN_ADDRESSES } from '../../../target/cpu/constants.ts';
import type { KernelCall, KernelMemory, PeakCall } from '../session.ts';
import type { KernelThread } from './threads.ts';

export const PAGE_BYTES = 65_536;
/** Address of an absent argument. */
const NULL_POINTER = 0;

/** A shared WebAssembly memory, and the workers whose instances use it. */
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
    // `slice` alone would create another shared buffer.
    return new Float32Array(new Float32Array(this.#buffer, at, floats));
  }

  write(at: number, numbers: Float32Array | Int32Array | Uint32Array): void {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    new Uint8Array(this.#buffer, at, numbers.byteLength).set(bytes);
  }

  async run(call: KernelCall): Promise<void> {
    const runs = this.#threads.map((thread, i) => {
      const durations = i === 0 && call.durations !== undefined ? call.durations : NULL_POINTER;
      const own = { ...call, scratch: call.scratch[i]!, durations };
      const args = [...RUN_ADDRESSES.map((name) => own[name]), call.records, this.#threads.length];
      return thread.send({ kind: 'run', session: this.#session, args });
    });
    await this.#all(runs);
  }

  async peak({ kernel, control, at, amount }: PeakCall): Promise<number> {
    const rates = this.#threads.map((thread, i) => {
      const args = [at[i]!, amount, control, this.#threads.length];
      return thread.send({ kind: 'call', session: this.#session, kernel, args });
    });
    return Math.min(...(await this.#all(rates)));
  }

  async close(): Promise<void> {
    const closing = this.#threads.map((thread) => thread.send({ kind: 'close', session: this.#session }));
    await Promise.allSettled(closing); // If the engine is closed, so is the session.
  }

  /** If one thread fails, the others would wait at a barrier forever: all are terminated. */
  async #all(answers: readonly Promise<number>[]): Promise<number[]> {
    try {
      return await Promise.all(answers);
    } catch (error) {
      await Promise.all(this.#threads.map((thread) => thread.end()));
      await Promise.allSettled(answers);
      throw error;
    }
  }
}
