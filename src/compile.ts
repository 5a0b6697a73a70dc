import { type DifferentiateRequest, differentiate } from './graph/autodiff/differentiate.ts';
import type { Graph } from './graph/op.ts';
import { onAverages, optimizerState, PLAIN_SGD, type UpdateRule, withOptimizer } from './graph/optimizer.ts';
import type { Shape } from './tensor/shape.ts';
import type { Initializer } from './model/initialize.ts';
import type { Model } from './model/module.ts';
import { type LayerSummary, type Mode, trace } from './model/trace.ts';
import type { CompiledNetwork, CompiledProgram, StateTensor } from './plan/compiled-network.ts';
import { createPlan, layOutState, type StateLayout } from './plan/plan.ts';
import { encode } from './plan/program.ts';
import { commutePooling } from './plan/rewrite/commute-pooling.ts';
import { fuseMaxPool } from './plan/rewrite/fuse-max-pool.ts';
import { fusePrologues } from './plan/rewrite/fuse-prologues.ts';
import { shareStatistics } from './plan/rewrite/share-statistics.ts';

/** One program of a network: a training step or an evaluation of this many images. */
export interface ProgramRequest {
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
 * @throws ShapeError naming the layer that does not fit.
 */
export function compile(
  model: Model,
  size: readonly [height: number, width: number],
  programs: Readonly<Record<string, ProgramRequest>>,
  { update = PLAIN_SGD, labelSmoothing = 0 }: TrainingOptions = {},
): Compiled {
  const traces = Object.entries(programs).map(([name, { batch, mode }]) => {
    const smoothing = mode === 'train' ? labelSmoothing : 0;
    return [name, mode, trace(model, batch, size, mode, smoothing)] as const;
  });
  const [, , first] = traces[0]!;
  const trains = traces.some(([, mode]) => mode === 'train');
  const own = stateOf(first.graph);
  const remembered = trains ? optimizerState(own, update) : new Map<string, Shape>();
  const state = new Map([
    ...own,
    ...[...remembered].map(([name, shape]) => [name, { role: 'optimizer' as const, shape }] as const),
  ]);
  const layout = layOutState(state, trains);
  const compiled = traces.map(([name, mode, { graph }]) => {
    if (mode === 'train') return [name, compileGraph(graph, layout, { of: 'loss', update })] as const;
    const averaged = trains && update.averageDecay !== undefined;
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
  const fused = fuseMaxPool(fusePrologues(commutePooling(shareStatistics(forward))), gradient);
  const plan = createPlan(complete(fused), layout);
  return { graph: complete(forward), plan, program: encode(plan) };
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

export { averagedName, isOptimizerState } from './graph/optimizer.ts';
