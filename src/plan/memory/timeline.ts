import type { Plan } from '../plan.ts';

/** Bytes of the transient slab that are in use during each record of a plan: the least any arena could do with. */
export function liveBytes({ records, buffers }: Plan): Float64Array {
  const live = new Float64Array(records.length + 1);
  for (const { slab, interval, bytes } of buffers) {
    if (slab !== 'transient') continue;
    for (let at = interval.first; at <= interval.last; at++) live[at]! += bytes;
  }
  return live;
}

/** The first record during which the most bytes are in use. */
export function peakRecord(plan: Plan): number {
  const live = liveBytes(plan);
  return live.indexOf(live.reduce((most, bytes) => Math.max(most, bytes), 0));
}
