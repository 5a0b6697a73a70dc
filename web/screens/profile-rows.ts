import { PROFILE_ROW } from '../../src/live/protocol.ts';
import type { RunView } from '../../src/live/run-view.ts';

/** Kernel calls of one kind, or of one part of the network. */
export interface ProfileRow {
  readonly name: string;
  calls: number;
  ms: number;
  flops: number;
  bytes: number;
}

/** Adds up the rows of a `profile` event, the longest first. Rows that name nothing are left out. */
export function profileRows(
  { rows, parts, ops }: NonNullable<RunView['profile']>,
  by: 'op' | 'part',
): readonly ProfileRow[] {
  const found = new Map<string, ProfileRow>();
  for (let at = 0; at + PROFILE_ROW.length <= rows.length; at += PROFILE_ROW.length) {
    const [part, op, calls, ms, flops, bytes] = rows.slice(at, at + PROFILE_ROW.length) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const name = by === 'op' ? ops[op] : parts[part];
    if (name === undefined) continue;
    const row = found.get(name) ?? { name, calls: 0, ms: 0, flops: 0, bytes: 0 };
    row.calls += calls;
    row.ms += ms;
    row.flops += flops;
    row.bytes += bytes;
    found.set(name, row);
  }
  return [...found.values()].sort((a, b) => b.ms - a.ms);
}
