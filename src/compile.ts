import { type DifferentiateRequest, differentiate } from './graph/autodiff/differentiate.ts';
import type { Graph } from './graph/op.ts';
import { onAverages, optimizerState, PLAIN_SGD, type UpdateRule, withOptimizer } from './graph/optimizer.ts';
import { hasPrefix } from './model/freeze.ts';
import type { Initializer } from './model/initialize.ts';
import type { Model } from './model/module.ts';
import { type LayerSummary, type Mode, type TraceOptions, trace } from './model/trace.ts';
import type { CompiledNetwork, CompiledProgram, StateTensor } from './plan/compiled-network.ts';
import { createPlan, layOutState, type StateLayout } from './plan/plan.ts';
import { encode, encodePrepare } from './plan/program.ts';
import { commutePooling } from './plan/rewrite/commute-pooling.ts';
import { foldBatchNorm } from './plan/rewrite/fold-batch-norm.ts';
import { fuseDropout } from './plan/rewrite/fuse-dropout.ts';
import { fuseMaxPool } from './plan/rewrite/fuse-max-pool.ts';
import { fusePrologues } from './plan/rewrite/fuse-prologues.ts';
import { shareStatistics } from './plan/rewrite/share-statistics.ts';
import type { Shape } from './tensor/shape.ts';

/**
 * One program of a network: a training step or an evaluation of this many images. A training step changes nothing
 * that is `frozen`, and computes no gradient of it, nor below the lowest layer that is not.
 */
export interface ProgramRequest extends TraceOptions {
  readonly batch: number;
  readonly mode: Mode;
}

/** What training programs do beyond the model's own. */
export interface TrainingOptions {
  /** Plain SGD by default. With a moving average, evaluation programs run on the averages. */
  readonly update?: UpdateRule;
  /** Of the training loss; evaluation has none. */
  readonly labelSmoothing?: number;
}

/** A network ready for an engine, and what only the caller needs: how its state starts, and its layers. */
export interface Compiled {
  readonly network: CompiledNetwork;
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly layers: readonly LayerSummary[];
}

/**
 * Model → graph → autodiff → plan → program, for each program asked for.
 * @param size [height, width] of the images in pixels.
 * @throws ShapeError naming the layer that does not fit; RangeError when a program freezes or asks for what is not
 * there, or is to train nothing.
 */
export function compile(
  model: Model,
  size: readonly [height: number, width: number],
  programs: Readonly<Record<string, ProgramRequest>>,
  { update = PLAIN_SGD, labelSmoothing = 0 }: TrainingOptions = {},
): Compiled {
  const traces = Object.entries(programs).map(([name, request]) => {
    const { batch, mode } = request;
    const options = { ...request, labelSmoothing: mode === 'train' ? labelSmoothing : 0 };
    return [name, trace(model, batch, size, mode, options)] as const;
  });
  const [, first] = traces[0]!;
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
  const layout = layOutState(state, withGradients);
  const compiled = traces.map(([name, { graph }]) => {
    const withRespectTo = trained.get(name);
    if (withRespectTo)
      return [name, compileGraph(graph, layout, { of: 'loss', withRespectTo, update })] as const;
    const averaged = trained.size > 0 && update.averageDecay !== undefined;
    return [name, compileGraph(averaged ? onAverages(graph) : graph, layout)] as const;
  });
  return {
    network: { state, layout, programs: new Map(compiled) },
    initializers: first.initializers,
    layers: first.layers,
  };
}

/** Compiles one forward graph, and its gradient where that is asked for. */
export function compileGraph(
  forward: Graph,
  layout: StateLayout,
  gradient?: DifferentiateRequest & { readonly update?: UpdateRule },
): CompiledProgram {
  const complete = (graph: Graph): Graph => {
    if (!gradient) return graph;
    const differentiated = differentiate(graph, gradient);
    return gradient.update ? withOptimizer(differentiated, gradient.update) : differentiated;
  };
  const prologued = fuseDropout(fusePrologues(commutePooling(shareStatistics(forward))));
  const fused = fuseMaxPool(gradient ? prologued : foldBatchNorm(prologued), gradient);
  const plan = createPlan(complete(fused), layout);
  return { graph: complete(forward), plan, program: encode(plan), prepare: encodePrepare(plan) };
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
