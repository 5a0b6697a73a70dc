import { elementCount } from '../tensor/shape.ts';
import type { Graph, Op } from './op.ts';

/**
 * Multiply-adds of a forward pass of the unfused graph: one per weight and output position of convolutions and linear
 * layers.
 */
export function countMacs(graph: Graph): number {
  return graph.ops.reduce((sum, op) => sum + macsOf(op, graph), 0);
}

/** Multiply-adds of one op of a graph. */
export function macsOf(op: Op, { values }: Graph): number {
  if (op.kind !== 'conv2d' && op.kind !== 'linear') return 0;
  return elementCount(values[op.outputs[0]!]!.shape) * elementCount(values[op.weight]!.shape.slice(1));
}
