import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import { type Engine, EngineError, type EngineLimits, type MachinePeak, type Session } from '../engine.ts';
import { measureWasmPeak } from './machine-peak.ts';
import { ADDRESS_SPACE_BYTES, mapMemory, memoryBytes } from './memory.ts';
import { WasmSession } from './session.ts';
import { type KernelThread, startThread } from './threads.ts';

/** Instruction sets the kernels are built for, the fastest first. */
export const WASM_ISAS = ['relaxed-simd', 'simd128', 'scalar'] as const;
export type WasmIsa = (typeof WASM_ISAS)[number];

export interface WasmEngineOptions {
  readonly threads: number;
  readonly isa: WasmIsa;
  /** The kernels compiled for that instruction set. */
  readonly module: WebAssembly.Module;
}

/** The portable engine: C++ kernels as WebAssembly, on worker threads over shared memory; in Node and browsers. */
export async function createWasmEngine(options: WasmEngineOptions): Promise<Engine> {
  const threads = await Promise.all(Array.from({ length: options.threads }, startThread));
  return new WasmEngine(options, threads);
}

class WasmEngine implements Engine {
  readonly name = 'wasm';
  readonly isa: WasmIsa;
  readonly threads: number;
  readonly limits: EngineLimits = {
    maxSlabBytes: ADDRESS_SPACE_BYTES,
    maxTotalBytes: ADDRESS_SPACE_BYTES,
    alignmentBytes: 64,
  };
  readonly #module: WebAssembly.Module;
  readonly #workers: readonly KernelThread[];
  #sessions = 0;

  constructor(options: WasmEngineOptions, workers: readonly KernelThread[]) {
    this.isa = options.isa;
    this.threads = options.threads;
    this.#module = options.module;
    this.#workers = workers;
  }

  async open(network: CompiledNetwork): Promise<Session> {
    const map = mapMemory(network, this.threads);
    const bytes = memoryBytes(map);
    if (bytes > this.limits.maxTotalBytes) {
      const [need, have] = [bytes, this.limits.maxTotalBytes].map((n) => (n / 2 ** 30).toFixed(2));
      throw new EngineError(
        `this run needs ${need} GiB, the wasm engine has ${have}: use a smaller batch or size`,
      );
    }
    const memory = this.#allocate(map.pages);
    const session = this.#sessions++;
    await Promise.all(
      this.#workers.map((worker, i) =>
        worker.send({ kind: 'open', session, module: this.#module, memory, stackTop: map.stackTops[i]! }),
      ),
    );
    return new WasmSession(network, map, memory, this.#workers, session);
  }

  measurePeak(): Promise<MachinePeak> {
    return measureWasmPeak(this.#workers, this.#sessions++, this.#module, (pages) => this.#allocate(pages));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  #allocate(pages: number): WebAssembly.Memory {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (cause) {
      const mebibytes = Math.ceil(pages / 16);
      throw new EngineError(`cannot allocate ${mebibytes} MiB: use a smaller batch or image size`, { cause });
    }
  }
}
