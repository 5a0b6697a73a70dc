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

/** A window of one position: all that is left of the pool is its batch norm and ReLU. */
const POINT = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] } as const;

/**
 * Exact: `max(relu(a·y + b))` over a window is `relu(a·max(y) + b)` for a ≥ 0 and `relu(a·min(y) + b)` for a < 0, and
 * a has the sign of γ, which is known before y and its statistics are. So the convolution of a stem keeps y only
 * where it wins its window, and the pool becomes a batch norm and ReLU of that smaller map. Where a gradient is
 * asked for, only the weights' can be had: not for a convolution whose input (or prologue) needs one too.
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
    if (pool.kind !== 'maxPool' || !pool.prologue?.batchNorm || !pool.prologue.relu) continue;
    const conv = producer.get(pool.x);
    const isOnlyReader = readers.get(pool.x) === (measured.has(pool.x) ? 2 : 1);
    if (conv?.kind === 'conv2d' && !conv.dropout && isOnlyReader && isData(conv)) pools.set(conv, pool);
  }

  const winners = new Map<Op, ValueId>();
  return rewrite(graph, (op, to) => {
    const pool = pools.get(op);
    if (op.kind === 'conv2d' && pool) {
      const { outputs, ...conv } = mapInputs(op, to.now);
      const { kernel, stride, padding } = pool;
      const gamma = to.now(pool.prologue!.batchNorm!.gamma);
      const spec = { ...conv, kind: 'conv2dMaxPool', gamma, pool: { kernel, stride, padding } } as const;
      const [y, m] = to.builder.add(spec) as [ValueId, ValueId];
      to.replace(outputs[0]!, y);
      winners.set(pool, m);
      return;
    }
    const m = winners.get(op);
    if (op.kind !== 'maxPool' || m === undefined) return to.keep(op);
    const { outputs, ...spec } = mapInputs({ ...op, ...POINT }, (id) => (id === op.x ? m : to.now(id)));
    to.builder.add(spec).forEach((id, i) => {
      to.replace(outputs[i]!, id);
    });
  });
}
