import type { Plan } from '../plan.ts';

/** Live bytes of the transient slab during each record of a plan: a lower bound for any arena. */
export function liveBytes({ records, buffers }: Plan): Float64Array {
  const live = new Float64Array(records.length + 1);
  for (const { slab, interval, bytes } of buffers) {
    if (slab !== 'transient') continue;
    for (let at = interval.first; at <= interval.last; at++) live[at]! += bytes;
  }
  return live;
}

/** The first record at the memory peak. */
export function peakRecord(plan: Plan): number {
  const live = liveBytes(plan);
  return live.indexOf(live.reduce((most, bytes) => Math.max(most, bytes), 0));
}
