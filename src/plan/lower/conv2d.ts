import type {
  Conv2d,
  Conv2dGradInput,
  Conv2dGradWeight,
  Linear,
  LinearGradInput,
  LinearGradWeight,
  Op,
  ValueId,
  Window,
} from '../../graph/op.ts';
import type { BufferId, Size, Vector } from '../records.ts';
import {
  absentVector,
  chunksOf,
  dropoutFields,
  type LoweringContext,
  MAX_CHUNKS,
  paddedChannels,
  windowFields,
} from './context.ts';

/** Packed strips stay below this many floats (256 KiB), so that they live in a core's cache. */
const STRIP_FLOATS = 65_536;
/** Room behind a strip for vector stores that overrun its last pixel. */
const SLACK_FLOATS = 16;
/** The widest block of outputs any instruction set packs weights for. */
const PANEL_WIDTH = 32;
/** Partial sums of a weight gradient stay below this many floats in all (2 MiB), near the processor. */
const PARTIAL_FLOATS = 524_288;
/** Channels are not cut finer than this. */
const LEAST_CHANNELS = 32;

/** Maps up to this wide are convolved image by image in a tile's rows: theirs have too few pixels for one. */
const SMALL_WIDTH = 6;
/** Images in a chunk of small maps, at least: the rows of a tile. */
const LEAST_IMAGES = 8;
/** Strips of small maps are read panel by panel from the second cache: 512 KiB. */
const IMAGES_FLOATS = 131_072;

const POINT: Window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };

/** A linear layer is a 1×1 convolution of a 1×1 map. */
function windowOf(op: Op): Window {
  return 'kernel' in op ? op : POINT;
}

export function lowerConv2d(ctx: LoweringContext, op: Conv2d | Linear): void {
  const [y] = op.outputs as [ValueId];
  const window = windowOf(op);
  const [size, out] = [ctx.size(op.x), ctx.size(y)];
  const { stripImages, chunks } = imageStrips(window, size, out);
  const prologue = ctx.prologue(op.layer, op.prologue);
  const packed = packWeights(ctx, op, window, size, out, false);
  const { stripRows, floats } = inputStrip(window, size, out, 0);
  ctx.needScratch(stripImages > 1 ? imagesFloats(size, stripImages) : floats);
  ctx.emit(op.layer, {
    kind: 'conv2d',
    chunks,
    x: ctx.view(op.x),
    in: size,
    prologue,
    window: windowFields(window),
    packed,
    bias: op.bias === undefined ? absentVector : ctx.vector(op.bias),
    dropout: dropoutFields('dropout' in op ? op.dropout : undefined),
    y: ctx.view(y),
    out,
    statistics: ctx.statisticsOf(op.layer, y, chunks),
    stripImages,
    stripRows,
  });
}

export function lowerConv2dGradInput(ctx: LoweringContext, op: Conv2dGradInput | LinearGradInput): void {
  const window = windowOf(op);
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  const { stripImages, chunks } = imageStrips(window, out, size);
  const prologue = ctx.prologue(op.layer, op.prologue);
  const gradOutput = ctx.gradOutput(op.layer, op.gradOutput);
  const packed = packWeights(ctx, op, window, size, out, true);
  const gradInput = ctx.gradInput(op, chunks);
  const [kernelHeight, kernelWidth] = window.kernel;
  const rowFloats = (size.width + kernelWidth - 1) * out.channels;
  const stripRows = even(size.height, Math.floor(STRIP_FLOATS / rowFloats) - kernelHeight + 1);
  const floats = (stripRows + kernelHeight - 1) * rowFloats + SLACK_FLOATS;
  ctx.needScratch(stripImages > 1 ? imagesFloats(out, stripImages) : floats);
  ctx.emit(op.layer, {
    kind: 'conv2dGradInput',
    chunks,
    gradOutput,
    out,
    window: windowFields(window),
    packed,
    x: ctx.view(op.x),
    in: size,
    prologue,
    gradInput,
    stripImages,
    stripRows,
  });
  ctx.finalizeGradSums(op, gradInput.sums, chunks);
}

export function lowerConv2dGradWeight(ctx: LoweringContext, op: Conv2dGradWeight | LinearGradWeight): void {
  const window = windowOf(op);
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  const prologue = ctx.prologue(op.layer, op.prologue);
  const gradOutput = ctx.gradOutput(op.layer, op.gradOutput);
  const { partialCount, partials } = gradWeightPartials(ctx, op.layer, window, size, out);
  // Few partials, or few images: the channels are cut too, so that there is work for every thread.
  const channelChunks = Math.min(
    Math.ceil(MAX_CHUNKS / partialCount),
    Math.max(1, Math.floor(size.channels / LEAST_CHANNELS)),
  );
  const { stripRows, floats } = inputStrip(window, size, out, out.width * paddedChannels(out.channels));
  const ofImages = isSmall(window, size, out) && size.images > 1;
  const imagesPerChunk = Math.ceil(size.images / partialCount);
  const perImage = size.height * size.width * (Math.ceil(size.channels / channelChunks) + out.channels + 16);
  const fitting = ofImages
    ? Math.floor(IMAGES_FLOATS / perImage)
    : stripRows < out.height
      ? 1
      : Math.floor(STRIP_FLOATS / floats);
  const stripImages = even(imagesPerChunk, Math.max(1, fitting));
  ctx.needScratch(stripImages * (ofImages ? perImage : floats) + SLACK_FLOATS);
  ctx.emit(op.layer, {
    kind: 'conv2dGradWeight',
    chunks: partialCount * channelChunks,
    imageChunks: partialCount,
    gradOutput,
    out,
    window: windowFields(window),
    x: ctx.view(op.x),
    in: size,
    prologue,
    partials,
    stripImages,
    ofImages: ofImages ? 1 : 0,
    stripRows,
  });
  reduceGradWeight(ctx, op, window, size, out, partials, partialCount);
}

/** A partial sum of a weight gradient for each chunk of images, fewer where they are large. */
export function gradWeightPartials(
  ctx: LoweringContext,
  layer: string,
  window: Window,
  size: Size,
  out: Size,
): { readonly partialCount: number; readonly partials: BufferId } {
  const rows = window.kernel[0] * window.kernel[1] * size.channels;
  const partialFloats = (rows + 1) * paddedChannels(out.channels);
  const partialCount = Math.max(1, Math.min(chunksOf(size), Math.floor(PARTIAL_FLOATS / partialFloats)));
  const partials = ctx.temporary(`${layer} weight gradient partials`, partialCount * partialFloats);
  return { partialCount, partials };
}

export function reduceGradWeight(
  ctx: LoweringContext,
  op: Op,
  window: Window,
  size: Size,
  out: Size,
  partials: BufferId,
  partialCount: number,
): void {
  const [gradWeight, gradBias] = op.outputs as [ValueId, ValueId];
  const { outChannels, inChannels, kernelHeight, kernelWidth } = weightFields(window, size, out);
  ctx.emit(op.layer, {
    kind: 'reduceGradWeight',
    chunks: Math.min(MAX_CHUNKS, size.channels),
    partials,
    partialCount,
    outChannels,
    inChannels,
    kernelHeight,
    kernelWidth,
    gradWeight: ctx.vector(gradWeight),
    gradBias: ctx.vector(gradBias),
    accumulate: (op.accumulate?.[0] === undefined ? 0 : 1) | (op.accumulate?.[1] === undefined ? 0 : 2),
  });
}

/**
 * How many whole images a strip of small maps holds, and the chunks that have as many; 1 where tiles are rows of
 * pixels. `from` is what the strip packs, `to` what the convolution writes.
 */
function imageStrips(window: Window, from: Size, to: Size): { stripImages: number; chunks: number } {
  const rows = { stripImages: 1, chunks: chunksOf(from) };
  if (!isSmall(window, from, to)) return rows;
  const chunks = Math.max(1, Math.min(MAX_CHUNKS, Math.floor(from.images / LEAST_IMAGES)));
  const fitting = Math.floor(IMAGES_FLOATS / imagesFloats(from, 1));
  const stripImages = even(Math.ceil(from.images / chunks), fitting);
  return stripImages >= Math.min(LEAST_IMAGES, from.images) / 2 && stripImages > 1
    ? { stripImages, chunks }
    : rows;
}

/** True for a convolution of stride 1 that keeps the size of a map too narrow to fill a tile's rows. */
function isSmall({ stride }: Window, from: Size, to: Size): boolean {
  const keepsSize = from.height === to.height && from.width === to.width;
  return keepsSize && from.width <= SMALL_WIDTH && stride.every((step) => step === 1);
}

function imagesFloats({ height, width, channels }: Size, images: number): number {
  return images * height * width * channels + SLACK_FLOATS;
}

/** Rows of output per strip, and the floats of its packed input plus `extraPerRow` for each output row. */
export function inputStrip(window: Window, size: Size, out: Size, extraPerRow: number) {
  const [kernelHeight, kernelWidth] = window.kernel;
  const [strideHeight, strideWidth] = window.stride;
  const rowFloats = ((out.width - 1) * strideWidth + kernelWidth) * size.channels;
  const fixed = (kernelHeight - strideHeight) * rowFloats;
  const perRow = strideHeight * rowFloats + extraPerRow;
  const stripRows = even(out.height, Math.floor((STRIP_FLOATS - fixed) / perRow));
  const inputRows = (stripRows - 1) * strideHeight + kernelHeight;
  return { stripRows, floats: inputRows * rowFloats + stripRows * extraPerRow + SLACK_FLOATS };
}

/** Cuts `total` rows into strips of at most `most` (at least 1), nearly equal: the size of the largest. */
function even(total: number, most: number): number {
  const strips = Math.ceil(total / Math.max(1, most));
  return Math.ceil(total / strips);
}

function weightFields(window: Window, size: Size, out: Size) {
  return {
    outChannels: out.channels,
    inChannels: size.channels,
    kernelHeight: window.kernel[0],
    kernelWidth: window.kernel[1],
  };
}

export function packWeights(
  ctx: LoweringContext,
  op: { readonly layer: string; readonly weight: ValueId },
  window: Window,
  size: Size,
  out: Size,
  transposed: boolean,
): BufferId {
  const [outputs, depth] = transposed ? [size.channels, out.channels] : [out.channels, size.channels];
  const panels = Math.ceil(outputs / PANEL_WIDTH) * PANEL_WIDTH;
  const name = transposed ? 'transposed weights' : 'weights';
  const floats = panels * depth * window.kernel[0] * window.kernel[1];
  const packed = ctx.temporary(`${op.layer} packed ${name}`, floats);
  const weight: Vector = ctx.vector(op.weight);
  const fields = weightFields(window, size, out);
  ctx.emit(op.layer, {
    kind: 'packWeights',
    chunks: Math.min(MAX_CHUNKS, depth),
    weight,
    packed,
    ...fields,
    transposed: transposed ? 1 : 0,
  });
  return packed;
}
