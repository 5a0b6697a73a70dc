import type { MachinePeak } from './engine.ts';

/** The kernels of kernels/base/machine_peak.h by name. */
export type PeakKernel = 'peakMultiplyAdd' | 'peakRead' | 'peakTriad';

/** One run takes about a millisecond: short enough to find all processors free on a machine that others use too. */
const REPEATS = 2 ** 17;
const PIECE_BYTES = 2 ** 24;
/** Each kernel runs again until this much time has passed. */
const KERNEL_MS = 400;
/** Together the threads read and write more than caches hold: piece after piece, in turn. */
const TOTAL_BYTES = 2 ** 28;

/** Bytes of memory that each thread measures with: whole pieces. */
export function peakBytesPerThread(threads: number): number {
  return Math.max(1, Math.floor(TOTAL_BYTES / threads / PIECE_BYTES)) * PIECE_BYTES;
}

/**
 * The best of many short runs of each kernel; about a second in all.
 * @param callAll calls a kernel on all threads at once: each from `offsetBytes` on in its own memory (filled with
 * ones), with `amount`, and a control block and the number of threads behind it. Gives the least of what they return.
 */
export async function measurePeak(
  threads: number,
  callAll: (kernel: PeakKernel, offsetBytes: number, amount: number) => Promise<number>,
): Promise<MachinePeak> {
  const pieces = peakBytesPerThread(threads) / PIECE_BYTES;
  const best = async (kernel: PeakKernel, amount: number): Promise<number> => {
    let perMs = 0;
    const end = performance.now() + KERNEL_MS;
    for (let round = 0; performance.now() < end; round++) {
      perMs = Math.max(perMs, await callAll(kernel, (round % pieces) * PIECE_BYTES, amount));
    }
    return 1000 * perMs;
  };
  const flopsPerSecond = await best('peakMultiplyAdd', REPEATS);
  const floats = PIECE_BYTES / 4;
  const bytesPerSecond = Math.max(await best('peakRead', floats), await best('peakTriad', floats));
  return { flopsPerSecond, bytesPerSecond };
}
