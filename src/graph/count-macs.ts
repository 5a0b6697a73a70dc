import { elementCount } from '../tensor/shape.ts';
import type { Graph } from './op.ts';

/** Multiplications of a forward pass, as the model says it: one per weight and output position of convolutions and linear layers. */
export function countMacs(graph: Graph): number {
  const shapeOf = (id: number) => graph.values[id]!.shape;
  let macs = 0;
  for (const op of graph.ops) {
    if (op.kind !== 'conv2d' && op.kind !== 'linear') continue;
    macs += elementCount(shapeOf(op.outputs[0]!)) * elementCount(shapeOf(op.weight).slice(1));
  }
  return macs;
}
