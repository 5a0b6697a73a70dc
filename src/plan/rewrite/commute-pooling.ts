import { countReaders, producers, rewrite } from '../../graph/build.ts';
import type { AvgPool, Conv2d, Graph, Op, ValueId } from '../../graph/op.ts';

/**
 * Exact up to rounding: `AvgPool(Conv1×1(u)) = Conv1×1(AvgPool(u))`, because both are linear and the convolution acts
 * on each pixel separately. Pooling first reduces the convolution of a transition to a quarter of the work. Not valid
 * for max pooling, nor with padding, where the zeros would not include the bias.
 */
export function commutePooling(graph: Graph): Graph {
  const readers = countReaders(graph);
  const producer = producers(graph);
  const swapped = new Map<ValueId, AvgPool>();
  for (const op of graph.ops) {
    const conv = op.kind === 'avgPool' ? producer.get(op.x) : undefined;
    if (op.kind === 'avgPool' && isPointwise(conv) && readers.get(op.x) === 1 && isUnpadded(op)) {
      swapped.set(op.x, op);
    }
  }
  if (swapped.size === 0) return graph;
  return rewrite(graph, (op, to) => {
    const pool = swapped.get(op.outputs[0]!);
    if (op.kind === 'conv2d' && pool) {
      const { kernel, stride, padding, layer, phase } = pool;
      const x = to.builder.addOne({
        kind: 'avgPool',
        layer,
        phase,
        x: to.now(op.x),
        kernel,
        stride,
        padding,
      });
      const weight = to.now(op.weight);
      const bias = op.bias === undefined ? {} : { bias: to.now(op.bias) };
      const { outputs: _, ...conv } = op;
      to.replace(pool.outputs[0]!, to.builder.addOne({ ...conv, x, weight, ...bias }));
    } else if (op.kind !== 'avgPool' || swapped.get(op.x) !== op) to.keep(op);
  });
}

function isPointwise(op: Op | undefined): op is Conv2d {
  return (
    op?.kind === 'conv2d' &&
    [...op.kernel, ...op.stride].every((n) => n === 1) &&
    op.padding.every((n) => n === 0)
  );
}

function isUnpadded(op: AvgPool): boolean {
  return op.padding.every((size) => size === 0);
}
