import type { Graph, Op, ValueId } from '../graph/op.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Trace } from './trace.ts';

/** Feature maps that a network can return beside its logits. */
export interface FeatureLayout {
  /** The name of the output, as in `TraceOptions.outputs`. */
  readonly name: string;
  readonly height: number;
  readonly width: number;
  /** Channels of the input of a dense block, then those that each of its layers adds. Otherwise all channels. */
  readonly parts: readonly number[];
}

/** The output of each dense block or residual stage of a traced network, in order. */
export function blockLayouts({ graph, features }: Trace): readonly FeatureLayout[] {
  const makers = makersOf(graph);
  return [...features].flatMap(([name, id]) => {
    if (name === 'features') return [];
    const [, , height, width] = shapeOf(graph, id) as [number, number, number, number];
    return [{ name, height, width, parts: partsOf(graph, makers, id) }];
  });
}

/** A classifier that reads the mean of each channel: logit c is bias c + Σ weight [c, k] · mean of channel k. */
export interface LinearHead {
  /** Names of the parameters: [classes, channels] and [classes]. */
  readonly weight: string;
  readonly bias: string | undefined;
  /** Shape [N, C, H, W] of the feature maps before the global pool. */
  readonly shape: Shape;
}

/** The classifier of a traced network; undefined unless it is global pool, flatten and one linear layer. */
export function linearHead({ graph, features }: Trace): LinearHead | undefined {
  const makers = makersOf(graph);
  const maps = features.get('features');
  const linear = makers.get(graph.outputs.get('logits')!);
  if (maps === undefined || linear?.kind !== 'linear') return undefined;
  const flatten = makers.get(linear.x);
  const pool = flatten?.kind === 'flatten' ? makers.get(flatten.x) : undefined;
  if (pool?.kind !== 'avgPool' || pool.x !== maps) return undefined;
  const names = new Map([...graph.state].map(([name, id]) => [id, name]));
  const { weight, bias } = linear;
  return {
    weight: names.get(weight)!,
    bias: bias === undefined ? undefined : names.get(bias)!,
    shape: shapeOf(graph, maps),
  };
}

function shapeOf(graph: Graph, id: ValueId): Shape {
  return graph.values[id]!.shape;
}

/** The op that computes each value. */
function makersOf({ ops }: Graph): ReadonlyMap<ValueId, Op> {
  return new Map(ops.flatMap((op) => op.outputs.map((id) => [id, op] as const)));
}

/** A dense block is a chain of concatenations of one module: each adds the channels of a layer to all before it. */
function partsOf(
  graph: Graph,
  makers: ReadonlyMap<ValueId, Op>,
  id: ValueId,
  block?: Op['layer'],
): readonly number[] {
  const op = makers.get(id);
  if (op?.kind !== 'concat' || (block && op.layer !== block)) return [shapeOf(graph, id)[1]!];
  const [before, ...added] = op.operands;
  const earlier = partsOf(graph, makers, before!, op.layer);
  return [...earlier, ...added.map((each) => shapeOf(graph, each)[1]!)];
}
