import { type Layer, type Part, partOf } from '../../graph/layer.ts';
import type { Graph, Op } from '../../graph/op.ts';
import type { Plan } from '../plan.ts';
import { type RepeatableOp, recomputable, recompute, type TrainingGraph } from './recompute.ts';
import { peakRecord } from './timeline.ts';

/** Ops of one kind in one part of the network; either all or none are recomputed. */
export interface Group {
  readonly part: Part;
  readonly kind: RepeatableOp['kind'];
  /** Layers of its ops, in the order of the forward pass. */
  readonly layers: readonly Layer[];
}

/** A way to run a training step. Each candidate of a search takes less memory and more time than the previous one. */
export interface RematerializationPlan {
  /** The recomputed groups. */
  readonly groups: readonly Group[];
  readonly plan: Plan;
  readonly predictedSeconds: number;
}

type PlanOf = (graph: Graph) => Plan;

/**
 * From keeping all results to recomputing all ops that save memory. Each step adds one group: of those with results
 * live at the memory peak, the one with the least recomputation time per byte freed.
 */
export function* rematerializationPlans(
  training: TrainingGraph,
  planOf: PlanOf,
): Generator<RematerializationPlan> {
  let groups: readonly Group[] = [];
  let candidate = candidateOf(training, planOf, groups);
  let least = candidate.plan.transientBytes;
  yield candidate;
  for (const left = new Set(groupsOf(training)); ; ) {
    const next = cheapest(left, candidate.plan);
    if (!next) return;
    left.delete(next);
    groups = [...groups, next];
    candidate = candidateOf(training, planOf, groups);
    if (candidate.plan.transientBytes >= least) continue; // The peak has moved to another record: continue with the next group.
    least = candidate.plan.transientBytes;
    yield candidate;
  }
}

/**
 * The candidates up to the first that fits, or all of them if none fits. From the group that the last candidate adds,
 * only as many ops as necessary are recomputed.
 */
export function searchPlans(
  training: TrainingGraph,
  planOf: PlanOf,
  fits: (plan: Plan) => boolean,
): readonly RematerializationPlan[] {
  const candidates: RematerializationPlan[] = [];
  for (const candidate of rematerializationPlans(training, planOf)) {
    candidates.push(candidate);
    if (fits(candidate.plan)) break;
  }
  const last = candidates.pop()!;
  return [...candidates, fits(last.plan) ? trimmed(last, training, planOf, fits) : last];
}

/** A candidate that fits, with only as many ops of its last group recomputed as necessary. */
export function trimmed(
  candidate: RematerializationPlan,
  training: TrainingGraph,
  planOf: PlanOf,
  fits: (plan: Plan) => boolean,
): RematerializationPlan {
  const group = candidate.groups.at(-1);
  if (!group) return candidate;
  const before = candidate.groups.slice(0, -1);
  let best = candidate;
  let [tooFew, enough] = [0, group.layers.length];
  while (enough - tooFew > 1) {
    const half = (tooFew + enough) >> 1;
    const tried = candidateOf(training, planOf, [
      ...before,
      { ...group, layers: group.layers.slice(0, half) },
    ]);
    if (fits(tried.plan)) [enough, best] = [half, tried];
    else tooFew = half;
  }
  return best;
}

/** The modules of these groups, in any program of the model. */
export function modulesOf(groups: readonly Pick<Group, 'layers'>[]): ReadonlySet<string> {
  return new Set(groups.flatMap(({ layers }) => layers.flatMap(({ module }) => module ?? [])));
}

function candidateOf(
  training: TrainingGraph,
  planOf: PlanOf,
  groups: readonly Group[],
): RematerializationPlan {
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

/** The group with the least seconds per byte that is live at the plan's peak. */
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

/** A predicate for the ops of a group, in any graph of the model. */
function membership(group: Group): (op: Op) => boolean {
  const modules = modulesOf([group]);
  return ({ kind, layer: { module } }) => kind === group.kind && module !== undefined && modules.has(module);
}

/** Predicted time of a run of a plan in seconds, on the target's typical machine. */
export function predictedSeconds({ records, target }: Plan): number {
  return records.reduce((sum, { record }) => sum + target.secondsOf(record), 0);
}
