import { countReaders, producers, rewrite } from '../../graph/build.ts';
import { type Conv2d, type Graph, mapInputs, type Op } from '../../graph/op.ts';

/** Fuses dropout into the preceding convolution, which applies it while its output is in cache. */
export function fuseDropout(graph: Graph): Graph {
  const readers = countReaders(graph);
  const producer = producers(graph);
  const masks = new Map<Op, Conv2d['dropout']>();
  const fused = new Set<Op>();
  for (const op of graph.ops) {
    const conv = op.kind === 'dropout' && readers.get(op.x) === 1 ? producer.get(op.x) : undefined;
    if (op.kind !== 'dropout' || conv?.kind !== 'conv2d' || conv.dropout) continue;
    masks.set(conv, op.dropout);
    fused.add(op);
  }
  if (fused.size === 0) return graph;
  return rewrite(graph, (op, to) => {
    const dropout = masks.get(op);
    if (op.kind === 'conv2d' && dropout) {
      const { outputs, ...conv } = mapInputs(op, to.now);
      to.replace(outputs[0]!, to.builder.addOne({ ...conv, dropout }));
    } else if (op.kind === 'dropout' && fused.has(op)) to.replace(op.outputs[0]!, to.now(op.x));
    else to.keep(op);
  });
}
