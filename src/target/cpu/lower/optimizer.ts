import type { AdamW, ClipNorm, MovingAverage, Sgd, ValueId } from '../../../graph/op.ts';
import { elementCount } from '../../../tensor/shape.ts';
import { absentVector, type LoweringContext, MAX_CHUNKS } from './context.ts';

// One record for all parameters: hundreds of small records would each need a barrier.

/** Least elements in a chunk. */
const LEAST_NUMBERS = 4096;

/** Chunks over the elements of all tensors together; chunk boundaries are independent of tensor boundaries. */
function chunksOf(tensors: readonly { readonly count: number }[]): number {
  const total = tensors.reduce((sum, { count }) => sum + count, 0);
  return Math.min(MAX_CHUNKS, Math.max(1, Math.ceil(total / LEAST_NUMBERS)));
}

function countOf(ctx: LoweringContext, id: ValueId): number {
  return elementCount(ctx.graph.values[id]!.shape);
}

export function lowerClipNorm(ctx: LoweringContext, op: ClipNorm): void {
  const { operands, maxNorm } = op;
  ctx.sums.flush();
  const tensors = operands.map((id) => ({ at: ctx.vector(id), count: countOf(ctx, id) }));
  const chunks = chunksOf(tensors);
  const partials = ctx.temporary(op, 'sums of squares', 'partialSums', chunks);
  const [scale, norm] = op.outputs.map((id) => ctx.vector(id).address);
  ctx.emit(op, { kind: 'sumSquares', chunks, partials, tensors });
  ctx.emit(op, { kind: 'clipScale', partials, partialCount: chunks, maxNorm, scale, norm });
}

export function lowerOptimizer(ctx: LoweringContext, op: Sgd | AdamW): void {
  ctx.sums.flush();
  const tensors = op.tensors.map(({ parameter, gradient, memory, weightDecay }) => {
    const [memory1 = absentVector, memory2 = absentVector] = memory.map((id) => ctx.vector(id));
    const vectors = { parameter: ctx.vector(parameter), gradient: ctx.vector(gradient), memory1, memory2 };
    return { ...vectors, count: countOf(ctx, parameter), weightDecay };
  });
  const scale = op.scale === undefined ? undefined : ctx.vector(op.scale).address;
  const shared = { chunks: chunksOf(tensors), scale, tensors };
  if (op.kind === 'adamw') {
    const rests = { rest1: 1 - op.beta1, rest2: 1 - op.beta2 };
    return ctx.emit(op, { kind: 'adamw', ...shared, ...rests, eps: op.eps });
  }
  const { momentum, nesterov } = op;
  ctx.emit(op, { kind: 'sgd', ...shared, momentum, nesterov: nesterov ? 1 : 0 });
}

export function lowerMovingAverage(ctx: LoweringContext, op: MovingAverage): void {
  const { decay } = op;
  const rest = 1 - decay;
  const tensors = op.pairs.map(({ average, value }) => ({
    average: ctx.vector(average),
    value: ctx.vector(value),
    count: countOf(ctx, value),
  }));
  ctx.emit(op, { kind: 'movingAverage', chunks: chunksOf(tensors), rest, tensors });
}
