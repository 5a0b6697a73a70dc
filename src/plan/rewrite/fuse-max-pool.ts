import { type DifferentiateRequest, differentiated } from '../../graph/autodiff/differentiate.ts';
import { countReaders, producers, rewrite } from '../../graph/build.ts';
import {
  type Conv2d,
  type Graph,
  type MaxPool,
  mapInputs,
  type Op,
  opInputs,
  type ValueId,
} from '../../graph/op.ts';

/** A 1×1 window: only the batch norm and ReLU of the pool remain. */
const POINT = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] } as const;

/**
 * Exact: `max(relu(a·y + b))` over a window is `relu(a·max(y) + b)` for a ≥ 0 and `relu(a·min(y) + b)` for a < 0, and
 * a has the sign of γ, which is known before y and its statistics are. So the convolution of a stem stores y only at
 * the maximum (or minimum) of each window, and the pool becomes a batch norm and ReLU of that smaller map. If a
 * gradient is requested, only the weight gradient is available: a convolution whose input (or prologue) also needs a
 * gradient is not fused. If batch norm and ReLU were folded into the convolution, the maximum is stored and the pool
 * disappears.
 */
export function fuseMaxPool(graph: Graph, gradient?: DifferentiateRequest): Graph {
  const needed = gradient ? differentiated(graph, gradient) : new Set<ValueId>();
  const readers = countReaders(graph);
  const producer = producers(graph);
  const measured = new Set(graph.ops.flatMap((op) => (op.kind === 'statistics' ? [op.x] : [])));
  const isData = (conv: Conv2d) =>
    opInputs(conv).every((id) => id === conv.weight || id === conv.bias || !needed.has(id));

  const pools = new Map<Op, MaxPool>();
  for (const pool of graph.ops) {
    if (pool.kind !== 'maxPool') continue;
    const conv = producer.get(pool.x);
    const isNormalized = pool.prologue?.batchNorm !== undefined && pool.prologue.relu;
    if (!isNormalized && (pool.prologue || conv?.kind !== 'conv2d' || !conv.epilogue)) continue;
    const isOnlyReader = readers.get(pool.x) === (measured.has(pool.x) ? 2 : 1);
    if (conv?.kind === 'conv2d' && !conv.dropout && isOnlyReader && isData(conv)) pools.set(conv, pool);
  }

  const winners = new Map<Op, ValueId>();
  const gone = new Set<Op>();
  return rewrite(graph, (op, to) => {
    const pool = pools.get(op);
    if (op.kind === 'conv2d' && pool) {
      const { outputs, ...conv } = mapInputs(op, to.now);
      const { kernel, stride, padding } = pool;
      const bn = pool.prologue?.batchNorm;
      const fused = { ...conv, kind: 'conv2dMaxPool', pool: { kernel, stride, padding } } as const;
      const spec = bn ? { ...fused, gamma: to.now(bn.gamma) } : fused;
      const [y, m, index] = to.builder.add(spec) as [ValueId, ValueId, ValueId];
      to.replace(outputs[0]!, y);
      if (bn) winners.set(pool, m);
      else {
        to.replace(pool.outputs[0]!, m);
        to.replace(pool.outputs[1]!, index);
        gone.add(pool);
      }
      return;
    }
    if (gone.has(op)) return;
    const m = winners.get(op);
    if (op.kind !== 'maxPool' || m === undefined) return to.keep(op);
    const { outputs, ...spec } = mapInputs({ ...op, ...POINT }, (id) => (id === op.x ? m : to.now(id)));
    to.builder.add(spec).forEach((id, i) => {
      to.replace(outputs[i]!, id);
    });
  });
}
