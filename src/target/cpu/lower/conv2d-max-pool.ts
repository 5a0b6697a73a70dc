import type { Conv2dMaxPool, Conv2dMaxPoolGradWeight, ValueId } from '../../../graph/op.ts';
import type { Size } from '../records.ts';
import { absentVector, type LoweringContext, paddedChannels, rowChunksOf, windowFields } from './context.ts';
import { packWeights } from './conv2d.ts';
import { epilogue } from './epilogue.ts';
import { gradWeightPartials, partialFloats, reduceGradWeight } from './grad-weight.ts';
import { forwardRows, pooledGradWeightStrips } from './strips.ts';

const LEAST_WINDOW_ROWS = 4;

/** Scratch: signs of γ, the rows of one pool window, then the strip of input. */
export function lowerConv2dMaxPool(ctx: LoweringContext, op: Conv2dMaxPool): void {
  const { pool } = op;
  const [y, m, index] = op.outputs as [ValueId, ValueId, ValueId];
  const [size, out] = [ctx.size(op.x), ctx.size(y)];
  // Adjacent chunks both compute the map rows in which their pool windows overlap.
  const chunks = ctx.wantsStatistics.has(y) ? ctx.leavesOf(size) : rowChunksOf(ctx, m, LEAST_WINDOW_ROWS);
  const prologue = ctx.prologue(op, op.prologue);
  const { elementBytes } = ctx.view(op.x);
  const { packed, bias, relu } = epilogue(ctx, op, (scale) =>
    packWeights(ctx, op, op, size, out, { scale, elementBytes }),
  );
  const { stripRows, floats } = forwardRows(op, size, out, elementBytes);
  const channels = paddedChannels(out.channels);
  ctx.needScratch(channels + pool.kernel[0] * out.width * channels + floats);
  ctx.emit(op, {
    kind: 'conv2dMaxPool',
    chunks,
    ...convolutionFields(ctx, op, out, m, index),
    prologue,
    packed,
    bias,
    relu,
    stripRows,
    statistics: ctx.statisticsOf(op, y),
    gamma: op.gamma === undefined ? absentVector : ctx.vector(op.gamma),
    m: ctx.view(m),
  });
}

/**
 * Scratch: rows of the map's gradient; in bfloat16 both operands of the dot products over pixels; then the strip of
 * input.
 */
export function lowerConv2dMaxPoolGradWeight(ctx: LoweringContext, op: Conv2dMaxPoolGradWeight): void {
  const { value, correction } = op.gradOutput;
  const { elementBytes } = ctx.view(op.x);
  const [size, out] = [ctx.size(op.x), ctx.size(op.y)];
  const prologue = ctx.prologue(op, op.prologue);
  const affine = correction ? ctx.correction(op, correction) : { slope: undefined, intercept: undefined };
  const packed = correction && packWeights(ctx, op, op, size, out, { elementBytes });
  const chunks = ctx.leavesOf(size);
  const partials = gradWeightPartials(ctx, op, chunks * partialFloats(op, size, out));
  const { stripRows, floats } = pooledGradWeightStrips(op, size, out, elementBytes);
  ctx.needScratch(floats);
  ctx.emit(op, {
    kind: 'conv2dMaxPoolGradWeight',
    chunks,
    ...convolutionFields(ctx, op, out, value, op.index),
    prologue,
    packed,
    stripRows,
    partials,
    gradM: ctx.view(value),
    ...affine,
  });
  reduceGradWeight(ctx, op, op, { size, out, partials, partialCount: chunks });
}

function convolutionFields(
  ctx: LoweringContext,
  op: Conv2dMaxPool | Conv2dMaxPoolGradWeight,
  out: Size,
  pooled: ValueId,
  index: ValueId,
) {
  return {
    x: ctx.view(op.x),
    in: ctx.size(op.x),
    window: windowFields(op),
    bias: op.bias === undefined ? absentVector : ctx.vector(op.bias),
    out,
    pool: windowFields(op.pool),
    pooled: ctx.size(pooled),
    index: ctx.isRead(index) ? ctx.view(index).address : undefined,
  };
}
