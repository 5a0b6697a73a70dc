import type { Shape } from '../tensor/shape.ts';
import { gradientName, isGradient } from './autodiff/differentiate.ts';
import { GraphBuilder } from './build.ts';
import { layerWithoutModule } from './layer.ts';
import type { Graph, Optimized, ValueId } from './op.ts';

/** How a training step changes the parameters, given their gradients. */
export interface UpdateRule {
  readonly optimizer: Optimizer;
  /** Limit for the total norm of all gradients; undefined: no clipping. */
  readonly clipNorm?: number;
  /**
   * Decay of a moving average of all parameters and running statistics, stored beside them; undefined: no average.
   */
  readonly averageDecay?: number;
}

/**
 * `decayed`: the parameters that weight decay applies to; `weights` excludes vectors: biases, and γ and β of batch
 * norms.
 */
export type Optimizer =
  | {
      readonly kind: 'sgd';
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weightDecay: number;
      readonly decayed: 'weights' | 'all';
    }
  | {
      readonly kind: 'adamw';
      readonly beta1: number;
      readonly beta2: number;
      readonly eps: number;
      readonly weightDecay: number;
      readonly decayed: 'weights' | 'all';
    };

/** parameter −= learningRate·gradient */
export const PLAIN_SGD: UpdateRule = {
  optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0, decayed: 'weights' },
};

type State = ReadonlyMap<string, { readonly role: string; readonly shape: Shape }>;

const PREFIX = 'optimizer.';
const averageOf = (name: string) => `${PREFIX}average.${name}`;

/**
 * True for the name of a tensor of an update rule: these share one name space with the model's parameters and running
 * statistics.
 */
export function isOptimizerState(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The name of the tensor that is averaged; undefined for any name that is not that of an average. */
export function averagedName(name: string): string | undefined {
  return name.startsWith(averageOf('')) ? name.slice(averageOf('').length) : undefined;
}

/**
 * State of an update rule, by name: averages start as copies of their tensors, all else as 0.
 * @param trained the parameters that have gradients.
 */
export function optimizerState(
  state: State,
  rule: UpdateRule,
  trained: ReadonlySet<string>,
): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const memory of memories(rule)) {
    for (const [name, { shape }] of state) {
      if (trained.has(name)) shapes.set(`${PREFIX}${memory}.${name}`, shape);
    }
  }
  if (rule.averageDecay !== undefined) {
    for (const [name, { shape }] of state) shapes.set(averageOf(name), shape);
  }
  return shapes;
}

/** Appends the update of every parameter that has a gradient (an output `grad.NAME`). */
export function withOptimizer(graph: Graph, rule: UpdateRule): Graph {
  const builder = GraphBuilder.from(graph);
  const { optimizer, clipNorm, averageDecay } = rule;
  const tensors: Optimized[] = [];
  for (const [name, parameter] of graph.state) {
    const gradient = graph.outputs.get(gradientName(name));
    if (gradient === undefined) continue;
    const shape = builder.shapeOf(parameter);
    const memory = memories(rule).map((kind) => builder.state(`${PREFIX}${kind}.${name}`, shape, 'buffer'));
    const isDecayed = optimizer.decayed === 'all' || shape.length > 1;
    tensors.push({ parameter, gradient, memory, weightDecay: isDecayed ? optimizer.weightDecay : 0 });
  }
  if (tensors.length === 0) return graph;

  let clip: { readonly scale?: ValueId } = {};
  if (clipNorm !== undefined) {
    const operands = tensors.map(({ gradient }) => gradient);
    const layer = layerWithoutModule('clipping');
    const spec = { kind: 'clipNorm', layer, phase: 'update', operands, maxNorm: clipNorm } as const;
    const [scale, norm] = builder.add(spec);
    builder.output('gradientNorm', norm!);
    clip = { scale: scale! };
  }
  const shared = { layer: layerWithoutModule('optimizer'), phase: 'update', tensors, ...clip } as const;
  const { weightDecay: _, decayed: __, ...settings } = optimizer;
  const updated = builder.add({ ...settings, ...shared });
  const state = tensors.flatMap(({ parameter, memory }) => [parameter, ...memory]);
  const now = new Map(graph.updates);
  state.forEach((old, i) => {
    builder.update(old, updated[i]!);
    now.set(old, updated[i]!);
  });

  if (averageDecay !== undefined) {
    const own = [...graph.state].filter(([name]) => !isGradient(name));
    const pairs = own.map(([name, id]) => ({
      average: builder.state(averageOf(name), builder.shapeOf(id), 'buffer'),
      value: now.get(id) ?? id,
    }));
    const layer = layerWithoutModule('average');
    const averages = builder.add({
      kind: 'movingAverage',
      layer,
      phase: 'update',
      pairs,
      decay: averageDecay,
    });
    pairs.forEach(({ average }, i) => {
      builder.update(average, averages[i]!);
    });
  }
  return builder.build();
}

/** The same graph, reading the moving averages of its state. */
export function onAverages(graph: Graph): Graph {
  return { ...graph, state: new Map([...graph.state].map(([name, id]) => [averageOf(name), id])) };
}

/** Names of the optimiser state per parameter, in the order of `Optimized.memory`. */
function memories({ optimizer }: UpdateRule): readonly string[] {
  if (optimizer.kind === 'adamw') return ['mean', 'square'];
  return optimizer.momentum > 0 ? ['velocity'] : [];
}
