/**
 * How a convolution is cut into strips: what it packs at a time into scratch, sized to stay in a core's cache. Of
 * large maps a strip is some rows of one image; of small ones it is several whole images.
 */
import type { Window } from '../../graph/op.ts';
import type { Size } from '../records.ts';
import { chunksOf, MAX_CHUNKS, PANEL_WIDTH, paddedChannels } from './context.ts';

/** Packed strips stay below this many floats (256 KiB), so that they live in a core's cache. */
const STRIP_FLOATS = 65_536;
/** Room behind a strip for vector stores that overrun its last pixel. */
const SLACK_FLOATS = 16;
/** Maps up to this wide are convolved image by image in a tile's rows: theirs have too few pixels for one. */
const SMALL_WIDTH = 6;
/** Images in a chunk of small maps, at least: the rows of a tile. */
const LEAST_IMAGES = 8;
/** Strips of small maps are read panel by panel from the second cache: 512 KiB. */
const IMAGES_FLOATS = 131_072;

/** Rows of output in a strip, and the scratch it takes. */
export interface RowStrips {
  readonly stripRows: number;
  readonly floats: number;
}

export interface Strips extends RowStrips {
  readonly stripImages: number;
}

/** Of a convolution that reads `size` and writes `out`, with `extraPerRow` floats beside each row of outputs. */
export function inputStrip(window: Window, size: Size, out: Size, extraPerRow: number): RowStrips {
  const [kernelHeight, kernelWidth] = window.kernel;
  const [strideHeight, strideWidth] = window.stride;
  const rowFloats = ((out.width - 1) * strideWidth + kernelWidth) * size.channels;
  const fixed = (kernelHeight - strideHeight) * rowFloats;
  const perRow = strideHeight * rowFloats + extraPerRow;
  const stripRows = even(out.height, Math.floor((STRIP_FLOATS - fixed) / perRow));
  const inputRows = (stripRows - 1) * strideHeight + kernelHeight;
  return { stripRows, floats: inputRows * rowFloats + stripRows * extraPerRow + SLACK_FLOATS };
}

/**
 * Of a convolution, and the chunks that its images are cut into.
 * @param rowChunks into images and rows, where that can be: preferred while images are too few for a tile's rows.
 */
export function forwardStrips(
  window: Window,
  size: Size,
  out: Size,
  rowChunks?: number,
): Strips & { readonly chunks: number } {
  const rows = inputStrip(window, size, out, 0);
  if (rowChunks !== undefined && size.images < 2 * LEAST_IMAGES) {
    return { stripImages: 1, chunks: rowChunks, ...rows };
  }
  return orImages(window, size, out, rows);
}

/** Pixels that are cut into chunks at least, each a tile of its own; of fewer, the outputs are cut. */
const LEAST_PIXELS = 128;
/** A tile's rows on AVX-512. */
const TILE_PIXELS = 14;
/**
 * Two tiles: a packed strip stays in the first cache for all outputs (DenseNet-121, 224×224: its 1×1 convolutions at
 * 312 GFLOP/s instead of 286 with strips of 256 KiB).
 */
const POINTWISE_PIXELS = 2 * TILE_PIXELS;

/** Of a 1×1 convolution: strips of pixels, whatever image they belong to. */
export function pointwiseStrips(size: Size, out: Size) {
  const pixels = size.images * size.height * size.width;
  const pitch = size.channels + SLACK_FLOATS;
  const pixelChunks = pixels < LEAST_PIXELS ? 1 : Math.min(MAX_CHUNKS, Math.floor(pixels / TILE_PIXELS));
  const outputChunks =
    pixelChunks > 1 ? 1 : Math.max(1, Math.min(MAX_CHUNKS, Math.ceil(out.channels / PANEL_WIDTH)));
  const stripPixels = Math.min(POINTWISE_PIXELS, pixels);
  const chunks = pixelChunks * outputChunks;
  return { chunks, outputChunks, pixels, stripPixels, floats: stripPixels * pitch + SLACK_FLOATS };
}

/** Of the transposed convolution that reads the gradient of `out` and writes that of `size`. */
export function gradInputStrips(window: Window, size: Size, out: Size): Strips & { readonly chunks: number } {
  const [kernelHeight, kernelWidth] = window.kernel;
  const rowFloats = (size.width + kernelWidth - 1) * out.channels;
  const stripRows = even(size.height, Math.floor(STRIP_FLOATS / rowFloats) - kernelHeight + 1);
  const floats = (stripRows + kernelHeight - 1) * rowFloats + SLACK_FLOATS;
  return orImages(window, out, size, { stripRows, floats });
}

/**
 * Of a weight gradient whose images are cut into `imageChunks` and whose channels into `channelChunks`: inputs and
 * gradients side by side. Whole images together where several fit: small maps would be over before they began.
 */
export function gradWeightStrips(
  window: Window,
  size: Size,
  out: Size,
  imageChunks: number,
  channelChunks: number,
): Strips & { readonly ofImages: boolean } {
  const { stripRows, floats } = inputStrip(window, size, out, out.width * paddedChannels(out.channels));
  const ofImages = isSmall(window, size, out) && size.images > 1;
  const channels = Math.ceil(size.channels / channelChunks) + paddedChannels(out.channels);
  const imageFloats = ofImages ? size.height * size.width * channels : floats;
  const room = ofImages ? IMAGES_FLOATS : stripRows === out.height ? STRIP_FLOATS : 0;
  const stripImages = even(Math.ceil(size.images / imageChunks), Math.floor(room / imageFloats));
  return { stripImages, stripRows, ofImages, floats: stripImages * imageFloats + SLACK_FLOATS };
}

/** Rows and depth of AMX's tiles, which are read whole. */
const PAIR_ROWS = 16;
export const PAIR_DEPTH = 32;

/** What may be read behind a strip of pairs of bfloat16 numbers, with pixels of so many channels `stride` apart. */
export function floatsBehindPairs(stride: number, channels: number): number {
  return Math.ceil((PAIR_ROWS * stride * (channels + PAIR_DEPTH) + PAIR_DEPTH) / 2);
}

/** Scratch of a weight gradient that sums over pairs of pixels (kernels/conv/conv2d_grad_weight_pairs.h). */
export function gradWeightPairFloats(
  window: Window,
  size: Size,
  out: Size,
  channelChunks: number,
  { stripImages, stripRows }: Strips,
): number {
  const [kernelHeight, kernelWidth] = window.kernel;
  const columns = roundUp(out.width + kernelWidth - 1, 2);
  const depth = roundUp(stripImages * (stripRows + kernelHeight - 1) * columns, PAIR_DEPTH);
  const pitch = roundUp(depth + (kernelHeight - 1) * columns + kernelWidth + 16, PAIR_DEPTH) + PAIR_DEPTH;
  const channels = roundUp(Math.ceil(size.channels / channelChunks), 2 * PAIR_ROWS);
  return (depth * paddedChannels(out.channels) + channels * pitch) / 2;
}

function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}

/** Whole images in a strip, as many chunks as have enough of them, where the map is small; else rows. */
function orImages(window: Window, from: Size, to: Size, rows: RowStrips) {
  const { stripRows } = rows;
  const ofRows = { stripImages: 1, chunks: chunksOf(from), ...rows };
  if (!isSmall(window, from, to)) return ofRows;
  const imageFloats = from.height * from.width * from.channels;
  const chunks = Math.max(1, Math.min(MAX_CHUNKS, Math.floor(from.images / LEAST_IMAGES)));
  const stripImages = even(Math.ceil(from.images / chunks), Math.floor(IMAGES_FLOATS / imageFloats));
  if (stripImages === 1 || stripImages < Math.min(LEAST_IMAGES, from.images) / 2) return ofRows;
  return { stripImages, chunks, stripRows, floats: stripImages * imageFloats + SLACK_FLOATS };
}

/** True for a convolution of stride 1 that keeps the size of a map too narrow to fill a tile's rows. */
function isSmall({ stride }: Window, from: Size, to: Size): boolean {
  const keepsSize = from.height === to.height && from.width === to.width;
  return keepsSize && from.width <= SMALL_WIDTH && stride.every((step) => step === 1);
}

/** Cuts `total` into parts of at most `most` (at least 1), nearly equal: the size of the largest. */
function even(total: number, most: number): number {
  const parts = Math.ceil(total / Math.max(1, most));
  return Math.ceil(total / parts);
}
