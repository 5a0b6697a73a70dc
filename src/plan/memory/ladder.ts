import type { Graph } from '../../graph/op.ts';
import type { Plan } from '../plan.ts';
import { partOf } from './part.ts';
import { type RepeatableOp, recomputable, recompute, type TrainingGraph } from './recompute.ts';
import { peakRecord } from './timeline.ts';

/** Ops of one kind in one part of the network, which are computed again together or not at all. */
export interface Group {
  /** Such as `dense block 1`. */
  readonly part: string;
  readonly kind: RepeatableOp['kind'];
  /** Of its ops, in the order of the forward pass. */
  readonly layers: readonly string[];
}

/** A way to run a training step. Each rung of the ladder takes less memory, and more time, than the one before. */
export interface Rung {
  /** What is computed again. */
  readonly groups: readonly Group[];
  readonly plan: Plan;
  readonly predictedSeconds: number;
}

type PlanOf = (graph: Graph) => Plan;

/**
 * From keeping everything to computing again everything that helps. On each rung that group is added, of those whose
 * results lie in memory when it is fullest, that costs the least time for the bytes it frees.
 */
export function* ladder(training: TrainingGraph, planOf: PlanOf): Generator<Rung> {
  let groups: readonly Group[] = [];
  let rung = rungOf(training, planOf, groups);
  let least = rung.plan.transientBytes;
  yield rung;
  for (const left = new Set(groupsOf(training)); ; ) {
    const next = cheapest(left, rung.plan);
    if (!next) return;
    left.delete(next);
    groups = [...groups, next];
    rung = rungOf(training, planOf, groups);
    if (rung.plan.transientBytes >= least) continue; // The arena is as full somewhere else: with the next one then.
    least = rung.plan.transientBytes;
    yield rung;
  }
}

/**
 * The ladder up to the first rung that fits, or all of it where none does. Of the group that the last rung adds only as
 * many ops as are needed are computed again.
 */
export function climb(
  training: TrainingGraph,
  planOf: PlanOf,
  fits: (plan: Plan) => boolean,
): readonly Rung[] {
  const rungs: Rung[] = [];
  for (const rung of ladder(training, planOf)) {
    rungs.push(rung);
    if (fits(rung.plan)) break;
  }
  const last = rungs.pop()!;
  return [...rungs, fits(last.plan) ? trimmed(last, training, planOf, fits) : last];
}

/** A rung that fits, with no more of the ops of its last group computed again than are needed. */
export function trimmed(
  rung: Rung,
  training: TrainingGraph,
  planOf: PlanOf,
  fits: (plan: Plan) => boolean,
): Rung {
  const group = rung.groups.at(-1);
  if (!group) return rung;
  const before = rung.groups.slice(0, -1);
  let best = rung;
  let [tooFew, enough] = [0, group.layers.length];
  while (enough - tooFew > 1) {
    const half = (tooFew + enough) >> 1;
    const tried = rungOf(training, planOf, [...before, { ...group, layers: group.layers.slice(0, half) }]);
    if (fits(tried.plan)) [enough, best] = [half, tried];
    else tooFew = half;
  }
  return best;
}

/** The layers of some groups. */
export function layersOf(groups: readonly Group[]): ReadonlySet<string> {
  return new Set(groups.flatMap(({ layers }) => layers));
}

function rungOf(training: TrainingGraph, planOf: PlanOf, groups: readonly Group[]): Rung {
  const plan = planOf(recompute(training, layersOf(groups)));
  return { groups, plan, predictedSeconds: predictedSeconds(plan) };
}

function groupsOf(training: TrainingGraph): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const { layer, kind } of recomputable(training)) {
    const part = partOf(layer);
    const key = `${part} ${kind}`;
    groups.set(key, { part, kind, layers: [...(groups.get(key)?.layers ?? []), layer] });
  }
  return [...groups.values()];
}

/** Least seconds per byte that lies in memory at the plan's peak. */
function cheapest(groups: Iterable<Group>, plan: Plan): Group | undefined {
  const peak = peakRecord(plan);
  const bytesAtPeak = new Map<string, number>();
  for (const { name, slab, bytes, interval } of plan.buffers) {
    if (slab !== 'transient' || interval.first > peak || interval.last < peak) continue;
    bytesAtPeak.set(name, (bytesAtPeak.get(name) ?? 0) + bytes);
  }
  let best: { readonly group: Group; readonly price: number } | undefined;
  for (const group of groups) {
    const bytes = group.layers.reduce(
      (sum, layer) => sum + (bytesAtPeak.get(`${layer} ${group.kind}`) ?? 0),
      0,
    );
    const price = secondsOfGroup(group, plan) / bytes;
    if (bytes > 0 && (!best || price < best.price)) best = { group, price };
  }
  return best?.group;
}

function secondsOfGroup({ kind, layers }: Group, { records, target }: Plan): number {
  const wanted = new Set(layers);
  return records.reduce(
    (sum, { op, record }) =>
      op.kind === kind && wanted.has(op.layer) ? sum + target.secondsOf(record) : sum,
    0,
  );
}

/** Seconds of a whole run of a plan, on the target's typical machine. */
export function predictedSeconds({ records, target }: Plan): number {
  return records.reduce((sum, { record }) => sum + target.secondsOf(record), 0);
}
