import type { Layer } from '../graph/layer.ts';
import type { Plan } from '../plan/plan.ts';
import type { Cost } from '../plan/target.ts';
import type { MachinePeak } from './engine.ts';

/** Achieved and attainable rates: the roofline model of Williams, Waterman and Patterson (2009). */
export interface Rates extends Cost {
  readonly ms: number;
  /** Fraction of the time of all records. */
  readonly share: number;
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Operations per byte. */
  readonly intensity: number;
  /**
   * min(peak, intensity · bandwidth); for several records, the rate if each reaches its own limit, one after the
   * other.
   */
  readonly limitFlopsPerSecond: number;
  readonly limitedBy: 'compute' | 'memory';
  /** Minimum time / measured time. Above 1: the caches held data assumed to come from memory. */
  readonly reached: number;
}

export interface ProfiledRecord extends Rates {
  /** Index in the program. */
  readonly index: number;
  readonly layer: Layer;
  readonly kind: string;
}

export interface ProfiledKind extends Rates {
  readonly kind: string;
  readonly records: number;
}

export interface Profile {
  /** In the program's order. */
  readonly records: readonly ProfiledRecord[];
  /** In descending order of time. */
  readonly kinds: readonly ProfiledKind[];
  readonly total: Rates;
}

/** Compares the durations of a plan's records (ms) with their minimum work and the machine's peak rates. */
export function profileOf(plan: Plan, durations: ArrayLike<number>, peak: MachinePeak): Profile {
  const measured = plan.records.map(({ op, record }, index) => {
    const cost = plan.target.costOf(record);
    return {
      index,
      layer: op.layer,
      kind: record.kind,
      ...cost,
      ms: durations[index]!,
      ...leastMs(cost, peak),
    };
  });
  const allMs = sum(measured, 'ms');
  const records = measured.map(({ index, layer, kind, ...work }) => ({
    index,
    layer,
    kind,
    ...ratesOf([work], allMs),
  }));
  const groups = new Map<string, (typeof measured)[number][]>();
  for (const each of measured) groups.set(each.kind, [...(groups.get(each.kind) ?? []), each]);
  const kinds = [...groups].map(([kind, group]) => ({
    kind,
    records: group.length,
    ...ratesOf(group, allMs),
  }));
  return {
    records,
    kinds: kinds.sort((a, b) => b.ms - a.ms),
    total: ratesOf(measured, allMs),
  };
}

interface Work extends Cost {
  readonly ms: number;
  readonly computeMs: number;
  readonly memoryMs: number;
}

function leastMs({ flops, bytes }: Cost, peak: MachinePeak): Pick<Work, 'computeMs' | 'memoryMs'> {
  return {
    computeMs: (1000 * flops) / peak.flopsPerSecond,
    memoryMs: (1000 * bytes) / peak.bytesPerSecond,
  };
}

function ratesOf(work: readonly Work[], allMs: number): Rates {
  const [ms, flops, bytes] = [sum(work, 'ms'), sum(work, 'flops'), sum(work, 'bytes')];
  const [computeMs, memoryMs] = [sum(work, 'computeMs'), sum(work, 'memoryMs')];
  const least = work.reduce((total, each) => total + Math.max(each.computeMs, each.memoryMs), 0);
  const perSecond = (amount: number) => (ms > 0 ? (1000 * amount) / ms : 0);
  return {
    ms,
    share: ms / allMs,
    flops,
    bytes,
    flopsPerSecond: perSecond(flops),
    bytesPerSecond: perSecond(bytes),
    intensity: flops / bytes,
    limitFlopsPerSecond: (1000 * flops) / least,
    limitedBy: computeMs >= memoryMs ? 'compute' : 'memory',
    reached: ms > 0 ? least / ms : 0,
  };
}

function sum<Key extends string>(rows: readonly Readonly<Record<Key, number>>[], key: Key): number {
  return rows.reduce((total, row) => total + row[key], 0);
}
