import { producers, type Rewriter, rewrite } from '../../graph/build.ts';
import type { Concat, Graph, Statistics, ValueId } from '../../graph/op.ts';

/**
 * Exact: batch statistics belong to a feature, not to the batch norm that uses them. They are computed once for each
 * feature, and those of a concatenation are the concatenated vectors of its operands. A DenseNet reads earlier
 * features L times for statistics, instead of L(L+1)/2 times.
 */
export function shareStatistics(graph: Graph): Graph {
  const known = new Map<ValueId, readonly [mean: ValueId, variance: ValueId]>();
  const concats = new Map<ValueId, Concat>();
  for (const [id, op] of producers(graph)) if (op.kind === 'concat') concats.set(id, op);

  const statisticsOf = (x: ValueId, op: Statistics, to: Rewriter): readonly [ValueId, ValueId] => {
    const shared = known.get(x);
    if (shared) return shared;
    const { outputs: _, ...spec } = op;
    const { layer, phase } = op;
    const concat = concats.get(x);
    let result: readonly [ValueId, ValueId];
    if (concat) {
      const parts = concat.operands.map((operand) => statisticsOf(operand, op, to));
      const join = (which: 0 | 1) =>
        to.builder.addOne({ kind: 'concat', layer, phase, operands: parts.map((part) => part[which]) });
      result = [join(0), join(1)];
    } else {
      const [mean, variance] = to.builder.add({ ...spec, x: to.now(x) });
      result = [mean!, variance!];
    }
    known.set(x, result);
    return result;
  };

  return rewrite(graph, (op, to) => {
    if (op.kind !== 'statistics') return to.keep(op);
    const [mean, variance] = statisticsOf(op.x, op, to);
    to.replace(op.outputs[0]!, mean);
    to.replace(op.outputs[1]!, variance);
  });
}
