import { type DifferentiateRequest, differentiate } from './graph/autodiff/differentiate.ts';
import type { Graph } from './graph/op.ts';
import { onAverages, optimizerState, PLAIN_SGD, type UpdateRule, withOptimizer } from './graph/optimizer.ts';
import { hasPrefix } from './model/freeze.ts';
import type { Initializer } from './model/initialize.ts';
import type { Model } from './model/module.ts';
import { type LayerSummary, type Mode, type TraceOptions, trace } from './model/trace.ts';
import { type BatchTree, DEFAULT_LEAVES, requireShares } from './plan/batch-tree.ts';
import type { CompiledNetwork, CompiledProgram, StateTensor } from './plan/compiled-network.ts';
import { MemoryLimitError } from './plan/memory/error.ts';
import { recompute, type TrainingGraph } from './plan/memory/recompute.ts';
import {
  modulesOf,
  type RematerializationPlan,
  rematerializationPlans,
  searchPlans,
  trimmed,
} from './plan/memory/rematerialization.ts';
import {
  createPlan,
  layOutState,
  type Plan,
  type PlanOptions,
  plannedPeakBytes,
  type StateLayout,
} from './plan/plan.ts';
import { commutePooling } from './plan/rewrite/commute-pooling.ts';
import { foldBatchNorm } from './plan/rewrite/fold-batch-norm.ts';
import { fuseDropout } from './plan/rewrite/fuse-dropout.ts';
import { fuseMaxPool } from './plan/rewrite/fuse-max-pool.ts';
import { fusePrologues } from './plan/rewrite/fuse-prologues.ts';
import { shareStatistics } from './plan/rewrite/share-statistics.ts';
import { cpuTarget } from './target/cpu/target.ts';
import { ArgumentError, requireOneOf } from './tensor/argument.ts';
import { PRECISIONS, type Precision } from './tensor/precision.ts';
import type { Shape } from './tensor/shape.ts';

/**
 * One program of a network: a training step or an evaluation of `batch` images, or one that only updates running
 * statistics. A training step neither changes `frozen` state nor computes its gradients; the backward pass stops at
 * the lowest layer that is not frozen.
 */
export interface ProgramRequest extends Omit<TraceOptions, 'partOf'> {
  readonly batch: number;
  readonly mode: Mode;
  /** A training step split into parts, one program after the other, takes the memory of the largest part. */
  readonly part?: StepPart;
  /**
   * Number of ranks: the program is the share of one of them. It has batch / ranks images, and all sums over a batch
   * include all ranks (`Engine.open` takes the group). Results are bit-identical for any number. Default 1.
   */
  readonly ranks?: number;
}

/**
 * A part of a training step: its loss and gradients are its share of the mean over the whole batch, and its gradients
 * are added to those of the earlier parts. Batch statistics are those of the part.
 */
export interface StepPart {
  /** Images in the whole batch. */
  readonly of: number;
  /** Adds to the gradients of the earlier parts: true for all parts but the first, which overwrites the gradients. */
  readonly accumulate: boolean;
  /** Runs the optimiser on the gradients: true for the last part. */
  readonly update: boolean;
}

/** Memory limit for the plans of a network, including the scratch of `threads` threads. */
export interface MemoryBudget {
  readonly bytes: number;
  readonly threads: number;
}

/** Options of training programs that are not part of the model. */
export interface TrainingOptions {
  /** Plain SGD by default. With a moving average, all programs except training steps use the averages. */
  readonly update?: UpdateRule;
  /** Label smoothing of the training loss; evaluation has none. */
  readonly labelSmoothing?: number;
  /**
   * Training programs multiply the loss of each image by its element of the input `imageWeights`; evaluation does
   * not.
   */
  readonly weighted?: boolean;
  /** Memory limit: results that do not fit are recomputed in the backward pass. Default: all are kept. */
  readonly memory?: MemoryBudget | undefined;
}

export interface CompileOptions extends TrainingOptions, Partial<Omit<PlanOptions, 'tree'>> {
  /**
   * Slices of a batch, whose sums are added as a binary tree: the last bits of training results depend on it. Default
   * 16.
   */
  readonly leaves?: number | undefined;
}

/** Options that depend on the engine that will run the network. */
export type EngineOptions = Pick<CompileOptions, 'memory' | 'target'>;

/** A network for an engine, with the information that only the caller needs: initialisers and layers. */
export interface Compiled {
  readonly network: CompiledNetwork;
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly layers: readonly LayerSummary[];
  /**
   * With a memory budget: the candidates from the plan that keeps all results to the chosen one, for the largest
   * step.
   */
  readonly candidates?: readonly RematerializationPlan[];
}

/**
 * Model → graph → autodiff → plan → program, for each requested program.
 * @param size [height, width] of the images in pixels.
 * @throws ArgumentError, ShapeError as `trace`; RangeError when a program names unknown parameters or outputs, has no
 * trainable parameters, or cannot be split over its ranks; MemoryLimitError when no plan fits the budget.
 */
export function compile(
  model: Model,
  size: readonly [height: number, width: number],
  programs: Readonly<Record<string, ProgramRequest>>,
  options: CompileOptions = {},
): Compiled {
  const { state, layout, first, sources } = prepare(model, size, programs, options);
  const { memory } = options;
  const evaluations = new Map(
    sources
      .filter(({ gradient }) => !gradient)
      .map(({ name, forward, tree }) => [
        name,
        compileGraph(forward, layout, undefined, { ...options, tree }),
      ]),
  );
  const beside = [...evaluations.values()].map(({ plan }) => plan);
  // Memory grows with the number of images and, for equal numbers, with the number of parameters with gradients.
  const largest = sources
    .filter(({ gradient }) => gradient)
    .map((source) => ({ ...source, images: programs[source.name]!.batch }))
    .sort((a, b) => b.images - a.images || gradientsOf(b) - gradientsOf(a))[0];
  if (memory && !largest) requireFits(beside, memory);
  const candidates = memory && largest && fitted(largest, layout, beside, { ...options, memory });
  const recomputed = modulesOf(candidates?.at(-1)?.groups ?? []);
  const compiled = sources.map(({ name, forward, gradient, tree }) => {
    const training = { ...options, recomputed, tree };
    return [name, evaluations.get(name) ?? compileGraph(forward, layout, gradient, training)] as const;
  });
  return {
    network: { state, layout, programs: new Map(compiled) },
    initializers: first.initializers,
    layers: first.layers,
    ...(candidates && { candidates }),
  };
}

function gradientsOf({ gradient }: { readonly gradient: Gradient | undefined }): number {
  return gradient?.withRespectTo?.length ?? 0;
}

/** All ways to run a training step, and the one that a memory budget selects. */
export interface RematerializationSearch {
  readonly candidates: readonly RematerializationPlan[];
  /** Undefined without a budget, or if none fits. */
  readonly chosen?: RematerializationPlan | undefined;
}

/**
 * All rematerialization plans of a training step; no program is encoded.
 * @throws as `compile`, except for a budget that no plan fits.
 */
export function searchRematerialization(
  model: Model,
  size: readonly [height: number, width: number],
  request: Omit<ProgramRequest, 'mode'>,
  options: CompileOptions = {},
): RematerializationSearch {
  const { layout, sources } = prepare(model, size, { train: { ...request, mode: 'train' } }, options);
  const [{ forward, gradient, tree }] = sources as [(typeof sources)[number]];
  const { memory } = options;
  const training = fuse(forward, gradient, options.precision);
  const planOf = planner(layout, { ...options, tree });
  const candidates = [...rematerializationPlans(training, planOf)];
  if (!memory) return { candidates };
  const fits = (plan: Plan) => plannedPeakBytes([plan], memory.threads) <= memory.bytes;
  const at = candidates.findIndex(({ plan }) => fits(plan));
  if (at < 0) return { candidates };
  const chosen = trimmed(candidates[at]!, training, planOf, fits);
  const others = candidates.filter((candidate) => candidate !== chosen);
  return { candidates: [...others.slice(0, at), chosen, ...others.slice(at)], chosen };
}

/** A step in one part. */
const WHOLE: Omit<StepPart, 'of'> = { accumulate: false, update: true };

/** A traced program: its forward graph, and the gradient that a training step adds. */
interface Source {
  readonly forward: Graph;
  readonly gradient: Gradient | undefined;
  readonly tree: BatchTree;
}

/** Traces all programs and lays out the state they share. */
function prepare(
  model: Model,
  size: readonly [height: number, width: number],
  programs: Readonly<Record<string, ProgramRequest>>,
  {
    update = PLAIN_SGD,
    labelSmoothing = 0,
    weighted = false,
    target = cpuTarget(),
    leaves = DEFAULT_LEAVES,
    ...rest
  }: CompileOptions,
) {
  requireOneOf('precision', rest.precision ?? 'f32', PRECISIONS);
  if (Object.keys(programs ?? {}).length === 0)
    throw new ArgumentError(
      "there are no programs: expected some, such as { step: { batch: 32, mode: 'train' } }",
    );
  const traces = Object.entries(programs).map(([name, request]) => {
    const { batch, mode, part, ranks = 1 } = request;
    const tree = { leaves, ranks };
    requireShares(batch, tree);
    const loss = mode === 'train' ? { labelSmoothing, weighted } : {};
    const options = { ...request, ...loss, ...(part && { partOf: part.of }) };
    return { name, tree, traced: trace(model, batch / ranks, size, mode, options) };
  });
  const { traced: first } = traces[0]!;
  const own = stateOf(first.graph);
  const trained = new Map(
    Object.entries(programs).flatMap(([name, request]) =>
      request.mode === 'train' ? [[name, trainedBy(name, request, own)] as const] : [],
    ),
  );
  const withGradients = new Set([...trained.values()].flat());
  const remembered = trained.size > 0 ? optimizerState(own, update, withGradients) : new Map<string, Shape>();
  const state = new Map([
    ...own,
    ...[...remembered].map(([name, shape]) => [name, { role: 'optimizer' as const, shape }] as const),
  ]);
  const layout = layOutState(state, withGradients, target);
  const averaged = trained.size > 0 && update.averageDecay !== undefined;
  const sources = traces.map(({ name, tree, traced: { graph } }) => {
    const withRespectTo = trained.get(name);
    if (!withRespectTo)
      return { name, tree, forward: averaged ? onAverages(graph) : graph, gradient: undefined };
    const { part = WHOLE } = programs[name]!;
    const { accumulate } = part;
    const gradient = { of: 'loss', withRespectTo, accumulate, ...(part.update && { update }) };
    return { name, tree, forward: graph, gradient };
  });
  return { state, layout, first, sources };
}

function planner(layout: StateLayout, options: Partial<PlanOptions>): (graph: Graph) => Plan {
  return (graph) => createPlan(graph, layout, { ...options, target: options.target ?? cpuTarget() });
}

/**
 * @param largest the step that takes the most memory.
 * @param beside plans of the programs without gradients, where nothing is recomputed.
 * @throws MemoryLimitError
 */
function fitted(
  { forward, gradient, tree }: Source,
  layout: StateLayout,
  beside: readonly Plan[],
  { memory, ...options }: CompileOptions & { readonly memory: MemoryBudget },
): readonly RematerializationPlan[] {
  const all = (plan: Plan) => [plan, ...beside];
  const { bytes, threads } = memory;
  const training = fuse(forward, gradient, options.precision);
  const planOf = planner(layout, { ...options, tree });
  const candidates = searchPlans(training, planOf, (plan) => plannedPeakBytes(all(plan), threads) <= bytes);
  requireFits(all(candidates.at(-1)!.plan), memory);
  return candidates;
}

/** @throws MemoryLimitError */
function requireFits(plans: readonly Plan[], { bytes, threads }: MemoryBudget): void {
  const least = plannedPeakBytes(plans, threads);
  if (least > bytes) throw new MemoryLimitError(bytes, least);
}

/** Compiles one forward graph, and its gradient if requested. */
export function compileGraph(
  forward: Graph,
  layout: StateLayout,
  gradient?: Gradient,
  { recomputed = new Set(), target = cpuTarget(), ...options }: GraphOptions = {},
): CompiledProgram {
  const graph = recompute(fuse(forward, gradient, options.precision), recomputed);
  const plan = createPlan(graph, layout, { ...options, target });
  return {
    graph: withGradient(forward, gradient),
    plan,
    program: plan.target.encode(plan.buffers, plan.records),
    prepare: plan.target.encode(plan.buffers, plan.prepare),
  };
}

interface GraphOptions extends Partial<PlanOptions> {
  /** Modules whose results the backward pass recomputes. Default: none. */
  readonly recomputed?: ReadonlySet<string>;
}

interface Gradient extends DifferentiateRequest {
  readonly update?: UpdateRule;
}

/** Rewrites and fuses the forward pass, and adds its gradient. */
function fuse(forward: Graph, gradient: Gradient | undefined, precision: Precision = 'f32'): TrainingGraph {
  const prologued = fuseDropout(fusePrologues(commutePooling(shareStatistics(forward))));
  const fused = fuseMaxPool(gradient ? prologued : foldBatchNorm(prologued), gradient);
  return { graph: withGradient(fused, gradient), precision };
}

function withGradient(graph: Graph, gradient?: Gradient): Graph {
  if (!gradient) return graph;
  const differentiated = differentiate(graph, gradient);
  return gradient.update ? withOptimizer(differentiated, gradient.update) : differentiated;
}

/** The parameters and running statistics of a graph, in the model's order. */
export function stateOf(graph: Graph): ReadonlyMap<string, StateTensor> {
  return new Map(
    [...graph.state].map(([name, id]) => {
      const { role, shape } = graph.values[id]!;
      return [name, { role: role === 'parameter' ? role : 'buffer', shape }];
    }),
  );
}

/** The parameters that a training step changes. */
function trainedBy(
  program: string,
  { frozen = [] }: ProgramRequest,
  state: ReadonlyMap<string, StateTensor>,
): readonly string[] {
  const names = [...state].flatMap(([name, { role }]) =>
    role === 'parameter' && !hasPrefix(name, frozen) ? [name] : [],
  );
  if (names.length === 0) throw new RangeError(`program ${program} has nothing to train: all is frozen`);
  return names;
}

export { averagedName, isOptimizerState } from './graph/optimizer.ts';
