import type { CompiledNetwork } from '../../plan/compiled-network.ts';

export const PAGE_BYTES = 65_536;
/** Static data of the kernels lies below. */
export const FIRST_BYTE = 1_048_576;
export const STACK_BYTES = 65_536;
export const CONTROL_BYTES = 128;
/** All that 32-bit addresses reach. */
export const ADDRESS_SPACE_BYTES = 2 ** 32;

/** Byte addresses of everything a session keeps in its memory. */
export interface MemoryMap {
  /** The end of each thread's stack: stacks grow downwards. */
  readonly stackTops: readonly number[];
  readonly scratch: readonly number[];
  readonly control: number;
  readonly scalars: number;
  /** A double for each record of the longest program. */
  readonly durations: number;
  /** Where each program's words begin. */
  readonly programs: ReadonlyMap<string, number>;
  readonly persistent: number;
  readonly transient: number;
  readonly pages: number;
}

/** Lays out static data, stacks, control block, durations, scratch, programs and the two slabs, in that order. */
export function mapMemory(network: CompiledNetwork, threads: number): MemoryMap {
  let next = FIRST_BYTE;
  const take = (bytes: number): number => {
    const start = next;
    next += Math.ceil(bytes / 64) * 64;
    return start;
  };
  const all = [...network.programs.values()];
  const most = (of: (program: (typeof all)[number]) => number) => Math.max(0, ...all.map(of));
  const each = <T>(make: () => T): T[] => Array.from({ length: threads }, make);

  const stackTops = each(() => take(STACK_BYTES) + STACK_BYTES);
  const control = take(CONTROL_BYTES);
  const scalars = take(64);
  const durations = take(8 * most(({ program }) => program.recordCount));
  const scratchBytes = most(({ plan }) => plan.scratchBytes);
  const scratch = each(() => take(scratchBytes + 64));
  const programs = new Map(
    [...network.programs].map(([name, { program }]) => [name, take(program.words.byteLength)]),
  );
  const persistent = take(network.layout.bytes);
  const transient = take(most(({ plan }) => plan.transientBytes));
  return {
    stackTops,
    scratch,
    control,
    scalars,
    durations,
    programs,
    persistent,
    transient,
    pages: Math.ceil(next / PAGE_BYTES),
  };
}

export function memoryBytes({ pages }: MemoryMap): number {
  return pages * PAGE_BYTES;
}
