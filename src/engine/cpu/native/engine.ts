import { totalmem } from 'node:os';
import type { Group } from '../../../distributed/group.ts';
import { NO_GROUP } from '../../../distributed/none.ts';
import type { CompiledNetwork } from '../../../plan/compiled-network.ts';
import { PEAK_KERNELS, PEAK_OFFSETS, RUN_ADDRESSES } from '../../../target/cpu/constants.ts';
import { MAX_SLAB_BYTES } from '../../../target/cpu/encode.ts';
import type { CpuTarget } from '../../../target/cpu/target.ts';
import { ArgumentError, requireOneOf, requireWhole, shown } from '../../../tensor/argument.ts';
import { type Engine, EngineError, type MachinePeak, MOST_THREADS, type Session } from '../../engine.ts';
import { requireNetwork } from '../../ranks.ts';
import { mapPeakMemory, measurePeak } from '../machine-peak.ts';
import { mapMemory } from '../memory-map.ts';
import { requireTarget } from '../require-target.ts';
import { type KernelCall, type KernelMemory, KernelSession, type PeakCall } from '../session.ts';
import {
  type MemoryHandle,
  NATIVE_ISAS,
  type NativeIsa,
  type NativeModule,
  type PoolHandle,
} from './module.ts';
import { nativeTarget } from './target.ts';

/** The offset of an absent address. */
const ABSENT = -1;

/** Options of `createNativeEngine`: `{ threads, ...loadNativeModule() }`. */
export interface NativeEngineOptions {
  readonly threads: number;
  readonly isa: NativeIsa;
  /** The kernels compiled for one instruction set. */
  readonly module: NativeModule;
}

/** The kernels compiled for this processor, with their own thread pool; only in Node. @throws ArgumentError */
export function createNativeEngine(options: NativeEngineOptions): Engine {
  requireWhole('threads', options.threads, 1, MOST_THREADS);
  requireOneOf('isa', options.isa, NATIVE_ISAS);
  if (typeof options.module?.createPool !== 'function')
    throw new ArgumentError(`module is ${shown(options.module)}: expected what loadNativeModule returns`);
  return new NativeEngine(options);
}

class NativeEngine implements Engine {
  readonly name = 'native';
  readonly isa: NativeIsa;
  readonly threads: number;
  readonly target: CpuTarget;
  readonly maxTotalBytes = Math.min(totalmem(), MAX_SLAB_BYTES);
  readonly #module: NativeModule;
  readonly #pool: PoolHandle;
  /** Memories of open sessions, freed explicitly because the garbage collector does not know their size. */
  readonly #memories = new Set<NativeMemory>();

  constructor({ threads, isa, module }: NativeEngineOptions) {
    this.isa = isa;
    this.target = nativeTarget(isa);
    this.threads = threads;
    this.#module = module;
    this.#pool = module.createPool(threads);
  }

  async open(network: CompiledNetwork, group: Group = NO_GROUP): Promise<Session> {
    requireNetwork(network, group);
    requireTarget(network, this);
    const map = mapMemory(network, { threads: this.threads });
    if (map.bytes > this.maxTotalBytes) {
      const [need, have] = [map.bytes, this.maxTotalBytes].map((n) => (n / 2 ** 30).toFixed(2));
      throw new EngineError(
        `this run needs ${need} GiB, the native engine has ${have} here: use a smaller batch or size`,
      );
    }
    return new KernelSession(network, map, this.#allocate(map.bytes), group);
  }

  async measurePeak(): Promise<MachinePeak> {
    const map = mapPeakMemory({ threads: this.threads });
    const memory = this.#allocate(map.bytes);
    try {
      return await measurePeak(map, memory);
    } finally {
      await memory.close();
    }
  }

  async close(): Promise<void> {
    this.#module.closePool(this.#pool);
    for (const memory of this.#memories) await memory.close();
  }

  #allocate(bytes: number): NativeMemory {
    try {
      const given = this.#module.allocate(bytes);
      const memory: NativeMemory = new NativeMemory(this.#module, this.#pool, given, () =>
        this.#memories.delete(memory),
      );
      this.#memories.add(memory);
      return memory;
    } catch (cause) {
      const mebibytes = Math.ceil(bytes / 2 ** 20);
      throw new EngineError(`cannot allocate ${mebibytes} MiB: use a smaller batch or image size`, { cause });
    }
  }
}

class NativeMemory implements KernelMemory {
  readonly #module: NativeModule;
  readonly #pool: PoolHandle;
  readonly #memory: MemoryHandle;
  readonly #onClose: () => void;
  #isOpen = true;

  constructor(module: NativeModule, pool: PoolHandle, memory: MemoryHandle, onClose: () => void) {
    this.#module = module;
    this.#pool = pool;
    this.#memory = memory;
    this.#onClose = onClose;
  }

  read(at: number, floats: number): Float32Array {
    this.#requireOpen();
    return this.#module.read(this.#memory, at, floats);
  }

  write(at: number, numbers: Float32Array | Int32Array | Uint32Array): void {
    this.#requireOpen();
    this.#module.write(this.#memory, at, numbers);
  }

  async run(call: KernelCall): Promise<void> {
    this.#requireOpen();
    const offsets = RUN_ADDRESSES.flatMap((name) => call[name] ?? ABSENT);
    return this.#module.run(this.#pool, this.#memory, offsets, call.records);
  }

  peak({ kernel, control, at, amount }: PeakCall): Promise<number> {
    const given = { kernel: PEAK_KERNELS.indexOf(kernel), control, memory: at };
    const offsets = PEAK_OFFSETS.flatMap((name) => given[name]);
    return this.#module.peak(this.#pool, this.#memory, offsets, amount);
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#module.closeMemory(this.#memory);
    this.#onClose();
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new EngineError('the engine or its session is closed');
  }
}
