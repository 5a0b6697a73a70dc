import { costOf } from '../cost.ts';
import type { Plan } from '../plan.ts';
import type { KernelRecord } from '../records.ts';

/**
 * What two cores of 2024 do with kernels like ours: 60% of their multiply-add peak, and their memory's bandwidth. Plans
 * are compared by it, so only the balance matters, and a plan must not depend on the machine that makes it.
 */
const FLOPS_PER_SECOND = 3e11;
const BYTES_PER_SECOND = 2.5e10;

/** Seconds that a record takes at least, by the roofline of a typical machine. */
export function secondsOf(record: KernelRecord): number {
  const { flops, bytes } = costOf(record);
  return Math.max(flops / FLOPS_PER_SECOND, bytes / BYTES_PER_SECOND);
}

/** Of a whole run of a plan. */
export function predictedSeconds({ records }: Plan): number {
  return records.reduce((sum, { record }) => sum + secondsOf(record), 0);
}
