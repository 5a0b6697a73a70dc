import type { Group } from '../../../distributed/group.ts';
import { NO_GROUP } from '../../../distributed/none.ts';
import type { CompiledNetwork } from '../../../plan/compiled-network.ts';
import { interfaceExport } from '../../../target/cpu/interface.ts';
import { cpuTarget } from '../../../target/cpu/target.ts';
import { ArgumentError, requireOneOf, requireWhole, shown } from '../../../tensor/argument.ts';
import {
  AllocationError,
  type Engine,
  EngineError,
  type MachinePeak,
  MOST_THREADS,
  type Session,
} from '../../engine.ts';
import { requireNetwork } from '../../ranks.ts';
import { mapPeakMemory, measurePeak } from '../machine-peak.ts';
import { mapMemory } from '../memory-map.ts';
import { requireTarget } from '../require-target.ts';
import { KernelSession } from '../session.ts';
import { PAGE_BYTES, WasmMemory } from './memory.ts';
import type { KernelThread, StartThreads } from './threads.ts';

/** Instruction sets the kernels are built for, the fastest first. */
export const WASM_ISAS = ['relaxed-simd', 'simd128', 'scalar'] as const;
/** An instruction set of the WebAssembly kernels. */
export type WasmIsa = (typeof WASM_ISAS)[number];

/** Range of 32-bit addresses. */
const ADDRESS_SPACE_BYTES = 2 ** 32;
/** Memory below holds the kernels' static data. */
const FIRST_BYTE = 1_048_576;
const STACK_BYTES = 65_536;

/** The kernels for an instruction set, and how to start threads on this platform. */
export interface WasmKernels {
  readonly isa: WasmIsa;
  readonly module: WebAssembly.Module;
  readonly startThreads: StartThreads;
}

export interface WasmEngineOptions extends WasmKernels {
  readonly threads: number;
}

/**
 * The portable engine: C++ kernels as WebAssembly, on worker threads over shared memory; in Node and browsers.
 * @throws ArgumentError
 */
export async function createWasmEngine(options: WasmEngineOptions): Promise<Engine> {
  requireWhole('threads', options.threads, 1, MOST_THREADS);
  requireOneOf('isa', options.isa, WASM_ISAS);
  if (!(options.module instanceof WebAssembly.Module)) {
    throw new ArgumentError(
      `module is ${shown(options.module)}: expected what loadWasmModule or fetchWasmModule resolves to`,
    );
  }
  if (!WebAssembly.Module.exports(options.module).some(({ name }) => name === interfaceExport())) {
    throw new EngineError(
      'the WASM kernels were compiled from other sources than this version: run `npm run build`, and serve the new dist/kernels',
    );
  }
  return new WasmEngine(options, await options.startThreads(options.threads));
}

class WasmEngine implements Engine {
  readonly name = 'wasm';
  readonly isa: WasmIsa;
  readonly threads: number;
  readonly target = cpuTarget();
  readonly maxTotalBytes = ADDRESS_SPACE_BYTES;
  readonly #module: WebAssembly.Module;
  readonly #workers: readonly KernelThread[];
  #sessions = 0;

  constructor(options: WasmEngineOptions, workers: readonly KernelThread[]) {
    this.isa = options.isa;
    this.threads = options.threads;
    this.#module = options.module;
    this.#workers = workers;
  }

  async open(network: CompiledNetwork, group: Group = NO_GROUP): Promise<Session> {
    requireNetwork(network, group);
    requireTarget(network, this);
    const map = mapMemory(network, this.#mapOptions());
    return new KernelSession(network, map, await this.#open(map), group);
  }

  async measurePeak(): Promise<MachinePeak> {
    const map = mapPeakMemory(this.#mapOptions());
    const memory = await this.#open(map);
    try {
      return await measurePeak(map, memory);
    } finally {
      await memory.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  #mapOptions() {
    return { threads: this.threads, firstByte: FIRST_BYTE, stackBytes: STACK_BYTES };
  }

  /** Allocates memory, and instantiates the kernels in every worker. */
  async #open(map: { readonly bytes: number; readonly stackTops: readonly number[] }): Promise<WasmMemory> {
    const pages = Math.ceil(map.bytes / PAGE_BYTES);
    const bytes = pages * PAGE_BYTES;
    if (bytes > this.maxTotalBytes) {
      const [need, have] = [bytes, this.maxTotalBytes].map((n) => (n / 2 ** 30).toFixed(2));
      throw new AllocationError(
        `this run needs ${need} GiB, the wasm engine has ${have}: use a smaller batch or size`,
      );
    }
    const memory = this.#allocate(pages);
    const session = this.#sessions++;
    await Promise.all(
      this.#workers.map((worker, i) =>
        worker.send({ kind: 'open', session, module: this.#module, memory, stackTop: map.stackTops[i]! }),
      ),
    );
    return new WasmMemory(memory, this.#workers, session);
  }

  #allocate(pages: number): WebAssembly.Memory {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (cause) {
      const mebibytes = Math.ceil(pages / 16);
      throw new AllocationError(`cannot allocate ${mebibytes} MiB: use a smaller batch or image size`, {
        cause,
      });
    }
  }
}
