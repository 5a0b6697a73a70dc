import { type Layer, type Part, partOf } from '../../graph/layer.ts';
import type { Graph, Op } from '../../graph/op.ts';
import type { Plan } from '../plan.ts';
import { type RepeatableOp, recomputable, recompute, type TrainingGraph } from './recompute.ts';
import { peakRecord } from './timeline.ts';

/** Ops of one kind in one part of the network, which are computed again together or not at all. */
export interface Group {
  readonly part: Part;
  readonly kind: RepeatableOp['kind'];
  /** Of its ops, in the order of the forward pass. */
  readonly layers: readonly Layer[];
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

/** The modules of some groups, in any program of the model. */
export function modulesOf(groups: readonly Pick<Group, 'layers'>[]): ReadonlySet<string> {
  return new Set(groups.flatMap(({ layers }) => layers.flatMap(({ module }) => module ?? [])));
}

function rungOf(training: TrainingGraph, planOf: PlanOf, groups: readonly Group[]): Rung {
  const plan = planOf(recompute(training, modulesOf(groups)));
  return { groups, plan, predictedSeconds: predictedSeconds(plan) };
}

function groupsOf(training: TrainingGraph): readonly Group[] {
  const groups: (Group & { readonly layers: Layer[] })[] = [];
  for (const { layer, kind } of recomputable(training)) {
    const part = partOf(layer);
    const known = groups.find((group) => group.part === part && group.kind === kind);
    if (known) known.layers.push(layer);
    else groups.push({ part, kind, layers: [layer] });
  }
  return groups;
}

/** Least seconds per byte that lies in memory at the plan's peak. */
function cheapest(groups: Iterable<Group>, plan: Plan): Group | undefined {
  const peak = peakRecord(plan);
  const atPeak = plan.buffers.filter(
    ({ slab, interval }) => slab === 'transient' && interval.first <= peak && peak <= interval.last,
  );
  let best: { readonly group: Group; readonly price: number } | undefined;
  for (const group of groups) {
    const isOf = membership(group);
    const bytes = atPeak.reduce(
      (sum, { content, bytes }) => (content.kind === 'result' && isOf(content.op) ? sum + bytes : sum),
      0,
    );
    const price = secondsOfGroup(group, plan) / bytes;
    if (bytes > 0 && (!best || price < best.price)) best = { group, price };
  }
  return best?.group;
}

function secondsOfGroup(group: Group, { records, target }: Plan): number {
  const isOf = membership(group);
  return records.reduce((sum, { op, record }) => (isOf(op) ? sum + target.secondsOf(record) : sum), 0);
}

/** Tells a group's ops, in any graph of the model. */
function membership(group: Group): (op: Op) => boolean {
  const modules = modulesOf([group]);
  return ({ kind, layer: { module } }) => kind === group.kind && module !== undefined && modules.has(module);
}

/** Seconds of a whole run of a plan, on the target's typical machine. */
export function predictedSeconds({ records, target }: Plan): number {
  return records.reduce((sum, { record }) => sum + target.secondsOf(record), 0);
}
