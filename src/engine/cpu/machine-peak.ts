import { ALIGNMENT_BYTES, CONTROL_BYTES } from '../../target/cpu/constants.ts';
import type { MachinePeak } from '../engine.ts';
import type { MemoryMapOptions } from './memory-map.ts';
import type { KernelMemory, PeakKernel } from './session.ts';

/** One run takes about a millisecond: short enough to find all processors idle at times on a shared machine. */
const REPEATS = 2 ** 17;
const PIECE_BYTES = 2 ** 24;
/** Each kernel is repeated for this time. */
const KERNEL_MS = 400;
/** Total memory of all threads, larger than the caches; split into pieces that are accessed in turn. */
const TOTAL_BYTES = 2 ** 28;

/** Byte addresses for a measurement. */
export interface PeakMap {
  readonly stackTops: readonly number[];
  readonly control: number;
  /** Each thread's memory: a whole number of pieces. */
  readonly at: readonly number[];
  readonly pieces: number;
  readonly bytes: number;
}

export function mapPeakMemory({ threads, firstByte = 0, stackBytes = 0 }: MemoryMapOptions): PeakMap {
  const each = <T>(make: (i: number) => T): T[] => Array.from({ length: threads }, (_, i) => make(i));
  const control = Math.ceil((firstByte + threads * stackBytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  const first = control + CONTROL_BYTES;
  const pieces = Math.max(1, Math.floor(TOTAL_BYTES / threads / PIECE_BYTES));
  return {
    stackTops: each((i) => firstByte + (i + 1) * stackBytes),
    control,
    at: each((i) => first + i * pieces * PIECE_BYTES),
    pieces,
    bytes: first + threads * pieces * PIECE_BYTES,
  };
}

/** The best of many short runs of each kernel on all threads at once; takes one to two seconds in total. */
export async function measurePeak(map: PeakMap, memory: KernelMemory): Promise<MachinePeak> {
  const { control, at, pieces } = map;
  const ones = new Float32Array(PIECE_BYTES / 4).fill(1);
  for (const start of at) {
    for (let piece = 0; piece < pieces; piece++) memory.write(start + piece * PIECE_BYTES, ones);
  }
  const best = async (kernel: PeakKernel, amount: number): Promise<number> => {
    let perMs = 0;
    const end = performance.now() + KERNEL_MS;
    for (let round = 0; performance.now() < end; round++) {
      const offset = (round % pieces) * PIECE_BYTES;
      const call = { kernel, control, at: at.map((start) => start + offset), amount };
      perMs = Math.max(perMs, await memory.peak(call));
    }
    return 1000 * perMs;
  };
  const flopsPerSecond = await best('peakMultiplyAdd', REPEATS);
  const floats = PIECE_BYTES / 4;
  const bytesPerSecond = Math.max(await best('peakRead', floats), await best('peakTriad', floats));
  return { flopsPerSecond, bytesPerSecond };
}
