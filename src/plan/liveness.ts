import type { BufferId } from './buffers.ts';
import type { LayerRecord, TargetRecord } from './record.ts';

/** First and last record (inclusive) during which a buffer's bytes are reserved. */
export interface LiveInterval {
  readonly first: number;
  readonly last: number;
}

/** From the first record that uses a buffer to the last. Unused buffers have no interval. */
export function liveIntervals(
  records: readonly LayerRecord[],
  buffersOf: (record: TargetRecord) => readonly BufferId[],
  fromStart: Iterable<BufferId>,
  toEnd: Iterable<BufferId>,
): ReadonlyMap<BufferId, LiveInterval> {
  const intervals = new Map<BufferId, LiveInterval>();
  const touch = (id: BufferId, at: number) => {
    const known = intervals.get(id);
    intervals.set(id, { first: Math.min(known?.first ?? at, at), last: Math.max(known?.last ?? at, at) });
  };
  for (const id of fromStart) touch(id, 0);
  records.forEach(({ record }, index) => {
    for (const id of buffersOf(record)) touch(id, index);
  });
  for (const id of toEnd) touch(id, records.length);
  return intervals;
}
