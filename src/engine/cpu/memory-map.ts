import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import { ALIGNMENT_BYTES, CONTROL_BYTES } from '../../target/cpu/constants.ts';

/** Byte addresses of all memory of a session of the C++ kernels. */
export interface MemoryMap {
  /** The end of each thread's stack, if the memory contains the stacks: stacks grow downwards. */
  readonly stackTops: readonly number[];
  readonly scratch: readonly number[];
  readonly control: number;
  readonly scalars: number;
  /** One float64 per record of the longest program. */
  readonly durations: number;
  /** Address of each program's words. */
  readonly programs: ReadonlyMap<string, number>;
  /**
   * The same for the programs that prepare buffers after a change of the state, and the addresses of those buffers.
   */
  readonly prepares: ReadonlyMap<string, number>;
  readonly prepared: ReadonlyMap<string, number>;
  readonly persistent: number;
  readonly transient: number;
  /** One past the last byte. */
  readonly bytes: number;
}

export interface MemoryMapOptions {
  readonly threads: number;
  /** The bytes below belong to the engine. */
  readonly firstByte?: number;
  /** Size of each thread's stack. */
  readonly stackBytes?: number;
}

/**
 * Lays out stacks, control block, scalars, durations, scratch, programs and the slabs, in that order. Programs that
 * prepare the same buffers share them.
 */
export function mapMemory(network: CompiledNetwork, options: MemoryMapOptions): MemoryMap {
  const { threads, firstByte = 0, stackBytes = 0 } = options;
  let next = firstByte;
  const take = (bytes: number): number => {
    const start = next;
    next += Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    return start;
  };
  const all = [...network.programs.values()];
  const most = (of: (program: (typeof all)[number]) => number) => Math.max(0, ...all.map(of));
  const each = <T>(make: () => T): T[] => Array.from({ length: threads }, make);

  const stackTops = each(() => take(stackBytes) + stackBytes);
  const control = take(CONTROL_BYTES);
  const scalars = take(ALIGNMENT_BYTES);
  const durations = take(8 * most(({ program }) => program.recordCount));
  const scratchBytes = most(({ plan }) => plan.scratchBytes);
  const scratch = each(() => take(scratchBytes + ALIGNMENT_BYTES));
  const programs = new Map(
    [...network.programs].map(([name, { program }]) => [name, take(program.words.byteLength)]),
  );
  const prepares = new Map(
    [...network.programs].map(([name, { prepare }]) => [name, take(prepare.words.byteLength)]),
  );
  const persistent = take(network.layout.bytes);
  const shared = new Map<string, number>();
  const prepared = new Map(
    [...network.programs].map(([name, { plan, prepare }]) => {
      const key = prepare.words.join();
      const at = shared.get(key) ?? take(plan.preparedBytes);
      shared.set(key, at);
      return [name, at];
    }),
  );
  const transient = take(most(({ plan }) => plan.transientBytes));
  const slabs = { persistent, transient, prepared };
  return { stackTops, scratch, control, scalars, durations, programs, prepares, ...slabs, bytes: next };
}
