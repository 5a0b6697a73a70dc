import type { MachinePeak } from './engine.ts';

/** The kernels of kernels/base/machine_peak.h by name. */
export type PeakKernel = 'peakMultiplyAdd' | 'peakRead' | 'peakTriad';

/** Repeats of the multiply-adds: some milliseconds with any instruction set. */
const MULTIPLY_ADDS = 2 ** 19;
/** Each kernel runs again until this much time has passed. */
const KERNEL_MS = 300;
/** Together the threads read and write more than caches hold, and each more than its own. */
const TOTAL_BYTES = 2 ** 28;
const LEAST_BYTES = 2 ** 23;

/** Bytes of memory that each thread measures the memory with: whole blocks of any instruction set's. */
export function peakBytesPerThread(threads: number): number {
  return Math.max(LEAST_BYTES, Math.floor(TOTAL_BYTES / threads / 4096) * 4096);
}

/**
 * The best of many short runs of each kernel; less than two seconds in all.
 * @param callAll calls a kernel on all threads at once, each with memory of its own (filled with ones) and this
 * argument behind it, and gives the sum of what they returned once all have.
 */
export async function measurePeak(
  threads: number,
  callAll: (kernel: PeakKernel, argument: number) => Promise<number>,
): Promise<MachinePeak> {
  const best = async (kernel: PeakKernel, argument: number): Promise<number> => {
    let perSecond = 0;
    const end = performance.now() + KERNEL_MS;
    while (performance.now() < end) {
      const started = performance.now();
      const work = await callAll(kernel, argument);
      perSecond = Math.max(perSecond, (work * 1000) / (performance.now() - started));
    }
    return perSecond;
  };
  const floats = peakBytesPerThread(threads) / 4;
  const flopsPerSecond = await best('peakMultiplyAdd', MULTIPLY_ADDS);
  const bytesPerSecond = Math.max(await best('peakRead', floats), await best('peakTriad', floats));
  return { flopsPerSecond, bytesPerSecond };
}
