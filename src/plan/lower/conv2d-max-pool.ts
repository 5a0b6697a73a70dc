import type { Conv2dMaxPool, Conv2dMaxPoolGradWeight, ValueId } from '../../graph/op.ts';
import { absentVector, chunksOf, type LoweringContext, paddedChannels, windowFields } from './context.ts';
import { gradWeightPartials, inputStrip, packWeights, reduceGradWeight } from './conv2d.ts';

/** Scratch: signs of γ, the rows of one pool window, then the strip of input. */
export function lowerConv2dMaxPool(ctx: LoweringContext, op: Conv2dMaxPool): void {
  const { layer, pool } = op;
  const [y, m, index] = op.outputs as [ValueId, ValueId, ValueId];
  const [size, out] = [ctx.size(op.x), ctx.size(y)];
  const chunks = chunksOf(size);
  const prologue = ctx.prologue(layer, op.prologue);
  const packed = packWeights(ctx, op, op, size, out, false);
  const { stripRows, floats } = inputStrip(op, size, out, 0);
  const channels = paddedChannels(out.channels);
  ctx.needScratch(channels + pool.kernel[0] * out.width * channels + floats);
  ctx.emit(layer, {
    kind: 'conv2dMaxPool',
    chunks,
    x: ctx.view(op.x),
    in: size,
    prologue,
    window: windowFields(op),
    packed,
    bias: op.bias === undefined ? absentVector : ctx.vector(op.bias),
    out,
    statistics: ctx.statisticsOf(layer, y, chunks),
    stripRows,
    gamma: ctx.vector(op.gamma),
    pool: windowFields(pool),
    m: ctx.view(m),
    pooled: ctx.size(m),
    index: ctx.view(index).address,
  });
}

/** Scratch: rows of the map's gradient, then the strip of input. */
export function lowerConv2dMaxPoolGradWeight(ctx: LoweringContext, op: Conv2dMaxPoolGradWeight): void {
  const { layer, pool } = op;
  const { value, correction } = op.gradOutput;
  const [size, out] = [ctx.size(op.x), ctx.size(op.y)];
  const prologue = ctx.prologue(layer, op.prologue);
  const affine = correction ? ctx.correction(layer, correction) : { slope: undefined, intercept: undefined };
  const packed = correction && packWeights(ctx, op, op, size, out, false);
  const { partialCount: chunks, partials } = gradWeightPartials(ctx, layer, op, size, out);
  const { stripRows, floats } = inputStrip(op, size, out, out.width * paddedChannels(out.channels));
  ctx.needScratch(floats);
  ctx.emit(layer, {
    kind: 'conv2dMaxPoolGradWeight',
    chunks,
    x: ctx.view(op.x),
    in: size,
    prologue,
    window: windowFields(op),
    packed,
    bias: op.bias === undefined ? absentVector : ctx.vector(op.bias),
    out,
    partials,
    stripRows,
    gradM: ctx.view(value),
    pool: windowFields(pool),
    pooled: ctx.size(value),
    index: ctx.view(op.index).address,
    ...affine,
  });
  reduceGradWeight(ctx, op, op, size, out, partials, chunks);
}
