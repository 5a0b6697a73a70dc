import type { Conv2dGradWeight, LinearGradWeight, Op, Window } from '../../../graph/op.ts';
import type { BufferId, Size, Vector } from '../records.ts';
import { type LoweringContext, MAX_CHUNKS, paddedChannels, windowFields } from './context.ts';
import { weightFields, windowOf } from './conv2d.ts';
import { gradWeightStrips } from './strips.ts';

/** Most floats in all partial sums of a weight gradient (2 MiB), so that they stay in cache. */
const PARTIAL_FLOATS = 524_288;
/** Least channels in a chunk. */
const LEAST_CHANNELS = 32;

/**
 * The tree over leaves is summed in two stages: each chunk of images sums a subtree, with pending sums in scratch,
 * and `reduceGradWeight` adds the sums of the chunks. So the number of partials is limited by the cache size, and the
 * bits do not depend on it.
 */
export function lowerConv2dGradWeight(ctx: LoweringContext, op: Conv2dGradWeight | LinearGradWeight): void {
  const window = windowOf(op);
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  const prologue = ctx.prologue(op, op.prologue);
  const gradOutput = ctx.gradOutput(op, op.gradOutput);
  const leaves = ctx.leavesOf(size);
  const floats = partialFloats(window, size, out);
  const partialCount = powerOfTwoIn(Math.min(leaves, PARTIAL_FLOATS / floats));
  const partials = gradWeightPartials(ctx, op, partialCount * floats);
  // With few partials or few images, the channels are split too, so that all threads have work.
  const channelChunks = Math.min(
    Math.ceil(MAX_CHUNKS / partialCount),
    Math.max(1, Math.floor(size.channels / LEAST_CHANNELS)),
  );
  const { elementBytes } = gradOutput.gradient;
  const x = ctx.view(op.x);
  // Features N×F are float32 in every precision.
  const products = x.elementBytes === 2 ? ctx.products : 'none';
  const images = ctx.ofAllRanks(size).images;
  const cut = { leaves, images, channelChunks };
  const strips = gradWeightStrips(window, size, out, elementBytes, products, cut);
  const slice = Math.ceil(size.channels / channelChunks);
  const waiting = partialCount === leaves ? 0 : Math.log2(leaves / partialCount) + 1;
  ctx.needScratch(waiting * partialFloats(window, { ...size, channels: slice }, out) + strips.floats);
  ctx.emit(op, {
    kind: 'conv2dGradWeight',
    chunks: partialCount * channelChunks,
    imageChunks: partialCount,
    leaves,
    gradOutput,
    out,
    window: windowFields(window),
    x,
    in: size,
    prologue,
    partials,
    stripImages: strips.stripImages,
    algorithm: strips.algorithm,
    stripRows: strips.stripRows,
  });
  reduceGradWeight(ctx, op, window, { size, out, partials, partialCount });
}

/** [kH·kW·C + 1][O]; the last row is the bias gradient. */
export function partialFloats(window: Pick<Window, 'kernel'>, size: Size, out: Size): number {
  return (window.kernel[0] * window.kernel[1] * size.channels + 1) * paddedChannels(out.channels);
}

export function gradWeightPartials(ctx: LoweringContext, op: Op, floats: number): BufferId {
  return ctx.temporary(op, 'weight gradient partials', 'partialSums', floats);
}

/** Reduces partials to the gradients of weight and bias or, with several ranks, to sums that the ranks add up. */
export function reduceGradWeight(
  ctx: LoweringContext,
  op: Op,
  window: Window,
  { size, out, partials, partialCount }: Partials,
): void {
  const fields = weightFields(window, size, out);
  const weights = fields.outChannels * fields.inChannels * fields.kernelHeight * fields.kernelWidth;
  const counts = [weights, fields.outChannels];
  const isShared = ctx.tree.ranks > 1;
  const accumulates = op.outputs.map((_, i) => (op.accumulate?.[i] === undefined ? 0 : 1));
  const [gradWeight, gradBias] = op.outputs.map((id, i) => {
    const to = ctx.vector(id);
    if (!isShared || !ctx.isRead(id)) return to;
    return ctx.sums.take(op, { to, count: counts[i]!, accumulate: accumulates[i]! });
  }) as [Vector, Vector];
  ctx.emit(op, {
    kind: 'reduceGradWeight',
    chunks: Math.min(MAX_CHUNKS, size.channels),
    partials,
    partialCount,
    ...fields,
    gradWeight,
    gradBias,
    accumulate: isShared ? 0 : accumulates[0]! | (accumulates[1]! << 1),
    isComplete: isShared ? 0 : 1,
  });
  ctx.sums.sendFull();
}

interface Partials {
  readonly size: Size;
  readonly out: Size;
  readonly partials: BufferId;
  readonly partialCount: number;
}

/** The largest power of two that is at most n, at least 1. */
function powerOfTwoIn(n: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(n)));
}
