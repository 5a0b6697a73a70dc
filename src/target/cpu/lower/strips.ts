/**
 * How a convolution is cut into strips: what it packs at a time into scratch, sized to stay in a core's cache. Of
 * large maps a strip is some rows of one image; of small ones it is several whole images.
 */
import type { Window } from '../../../graph/op.ts';
import { FEW_CHANNELS, LINE_FLOATS, PANEL_WIDTH, SLACK_BYTES, TILE_DEPTH, TILE_ROWS } from '../constants.ts';
import type { GradWeightAlgorithm, Size } from '../records.ts';
import type { Products } from '../target.ts';
import { chunksOf, MAX_CHUNKS, paddedChannels } from './context.ts';

/** Packed strips stay below this many floats (256 KiB), so that they live in a core's cache. */
const STRIP_FLOATS = 65_536;
/** Room behind a strip for vector stores that overrun its last pixel. */
const SLACK_FLOATS = SLACK_BYTES / 4;
/** Numbers of bfloat16 in a cache line. */
const LINE_PAIRS = 2 * LINE_FLOATS;
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

export interface ImageStrips extends Strips {
  readonly chunks: number;
  /** Partials of what is summed over images; a chunk has one or, of small maps, several. */
  readonly leaves: number;
}

/** Of a convolution that reads `size` and writes `out`, with `extraPerRow` floats beside each row of outputs. */
function inputStrip(window: Window, size: Size, out: Size, extraPerRow: number): RowStrips {
  const [kernelHeight, kernelWidth] = window.kernel;
  const [strideHeight, strideWidth] = window.stride;
  const rowFloats = ((out.width - 1) * strideWidth + kernelWidth) * size.channels;
  const fixed = (kernelHeight - strideHeight) * rowFloats;
  const perRow = strideHeight * rowFloats + extraPerRow;
  const stripRows = even(out.height, Math.floor((STRIP_FLOATS - fixed) / perRow));
  const inputRows = (stripRows - 1) * strideHeight + kernelHeight;
  return { stripRows, floats: inputRows * rowFloats + stripRows * extraPerRow + SLACK_FLOATS };
}

/** Of a convolution that goes row by row, of inputs of so many bytes a number. */
export function forwardRows(window: Window, size: Size, out: Size, elementBytes: number): RowStrips {
  const { stripRows, floats } = inputStrip(window, size, out, 0);
  return { stripRows, floats: floats + floatsBehind(elementBytes, window.stride[1], size.channels) };
}

/** How images are cut into chunks: leaves, where something is summed over them; or, while they are few, their rows too. */
export interface ImageCut {
  readonly leaves?: number | undefined;
  /** Into images and rows: preferred while images are too few for a tile's rows. */
  readonly rowChunks?: number | undefined;
}

/**
 * Of a convolution, and the chunks that its images are cut into.
 * @param allImages of all ranks: what they compute in common is done in the same way.
 */
export function forwardStrips(
  window: Window,
  size: Size,
  out: Size,
  elementBytes: number,
  { leaves, rowChunks }: ImageCut,
  allImages: number,
): ImageStrips {
  if (rowChunks !== undefined && allImages < 2 * LEAST_IMAGES) {
    const rows = forwardRows(window, size, out, elementBytes);
    return { stripImages: 1, chunks: rowChunks, leaves: 1, ...rows };
  }
  return orImages(window, size, out, elementBytes, leaves, allImages, inputStrip(window, size, out, 0));
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
export function pointwiseStrips(size: Size, out: Size, elementBytes: number) {
  const pixels = size.images * size.height * size.width;
  const pitch = size.channels + SLACK_FLOATS;
  const pixelChunks = pixels < LEAST_PIXELS ? 1 : Math.min(MAX_CHUNKS, Math.floor(pixels / TILE_PIXELS));
  const outputChunks =
    pixelChunks > 1 ? 1 : Math.max(1, Math.min(MAX_CHUNKS, Math.ceil(out.channels / PANEL_WIDTH)));
  const stripPixels = Math.min(POINTWISE_PIXELS, pixels);
  const chunks = pixelChunks * outputChunks;
  const floats = stripPixels * pitch + SLACK_FLOATS + floatsBehind(elementBytes, 1, size.channels);
  return { chunks, outputChunks, pixels, stripPixels, floats };
}

/** Of the transposed convolution that reads the gradient of `out` and writes that of `size`. */
export function gradInputStrips(
  window: Window,
  size: Size,
  out: Size,
  elementBytes: number,
  leaves: number | undefined,
  allImages: number,
): ImageStrips {
  const [kernelHeight, kernelWidth] = window.kernel;
  const rowFloats = (size.width + kernelWidth - 1) * out.channels;
  const stripRows = even(size.height, Math.floor(STRIP_FLOATS / rowFloats) - kernelHeight + 1);
  const floats = (stripRows + kernelHeight - 1) * rowFloats + SLACK_FLOATS;
  const sums = leaves === undefined ? 0 : 2 * paddedChannels(size.channels);
  return orImages(window, out, size, elementBytes, leaves, allImages, { stripRows, floats }, sums);
}

/** How the work of a weight gradient is cut. */
export interface GradWeightCut {
  readonly leaves: number;
  /** Of all ranks. */
  readonly images: number;
  readonly channelChunks: number;
}

/**
 * Of a weight gradient: inputs and gradients side by side. Whole images of a leaf together where several fit: small maps
 * would be over before they began. How many decides the order of sums, so it does not depend on `channelChunks`.
 */
export function gradWeightStrips(
  window: Window,
  size: Size,
  out: Size,
  elementBytes: number,
  products: Products,
  { leaves, images, channelChunks }: GradWeightCut,
): Strips & { readonly algorithm: GradWeightAlgorithm } {
  const { stripRows, floats } = inputStrip(window, size, out, out.width * paddedChannels(out.channels));
  const ofImages = isSmall(window, size, out, elementBytes) && images > 1;
  const channels = size.channels + paddedChannels(out.channels);
  const imageFloats = ofImages ? size.height * size.width * channels : floats;
  const room = ofImages ? IMAGES_FLOATS : stripRows === out.height ? STRIP_FLOATS : 0;
  const stripImages = even(Math.ceil(size.images / leaves), Math.floor(room / imageFloats));
  const strips = { stripImages, stripRows };
  const algorithm = gradWeightAlgorithm(window, size, ofImages, products);
  const pairs =
    algorithm === 'pairsTapsApart'
      ? tapsApartFloats(window, size, out, strips)
      : algorithm === 'pairs'
        ? pairFloats(window, out, Math.ceil(size.channels / channelChunks), strips)
        : 0;
  return { ...strips, algorithm, floats: Math.max(stripImages * imageFloats + SLACK_FLOATS, pairs) };
}

/**
 * Taps that share inputs want a stride of one. Of small maps the padding is half of the positions: too much for pairs, not
 * for tiles.
 */
function gradWeightAlgorithm(
  { stride }: Window,
  { channels }: Size,
  ofImages: boolean,
  products: Products,
): GradWeightAlgorithm {
  if (products === 'tiles' || (products === 'pairs' && !ofImages)) {
    if (channels < FEW_CHANNELS) return 'pairsTapsApart';
    if (stride.every((step) => step === 1)) return 'pairs';
  }
  return ofImages ? 'images' : 'rows';
}

/**
 * Of the weight gradient of a convolution whose map was pooled: the map's gradient, in floats, beside the rest. A plan in
 * bfloat16 has room for pairs whether or not its engine will multiply them.
 */
export function pooledGradWeightStrips(
  window: Window,
  size: Size,
  out: Size,
  elementBytes: number,
): RowStrips {
  const gradientRow = out.width * paddedChannels(out.channels);
  if (elementBytes === 4) return inputStrip(window, size, out, gradientRow);
  const taps = window.kernel[0] * window.kernel[1];
  const pairsOfRow = (gradientRow + out.width * taps * size.channels) / 2;
  const { stripRows } = inputStrip(window, size, out, gradientRow + pairsOfRow);
  const pairs = tapsApartFloats(window, size, out, { stripImages: 1, stripRows });
  return { stripRows, floats: stripRows * gradientRow + pairs };
}

/** What may be read behind a strip of pairs of bfloat16 numbers, with pixels of so many channels `stride` apart. */
function floatsBehind(elementBytes: number, stride: number, channels: number): number {
  return elementBytes === 4 ? 0 : Math.ceil((TILE_ROWS * stride * (channels + TILE_DEPTH) + TILE_DEPTH) / 2);
}

/** Both sides of a sum over pairs of pixels, `rows` of inputs (kernels/conv/conv2d_grad_weight_pairs.h). */
function pairFloats(
  { kernel: [kernelHeight, kernelWidth] }: Pick<Window, 'kernel'>,
  out: Size,
  rows: number,
  { stripImages, stripRows }: Pick<Strips, 'stripImages' | 'stripRows'>,
): number {
  const columns = roundUp(out.width + kernelWidth - 1, 2);
  const depth = roundUp(stripImages * (stripRows + kernelHeight - 1) * columns, TILE_DEPTH);
  const reach = (kernelHeight - 1) * columns + kernelWidth;
  const pitch = roundUp(depth + reach + SLACK_FLOATS, LINE_PAIRS) + LINE_PAIRS;
  return (depth * paddedChannels(out.channels) + roundUp(rows, TILE_ROWS) * pitch) / 2;
}

/** The same where each tap has inputs of its own, and behind them the strip that they are taken from. */
function tapsApartFloats(
  window: Window,
  size: Size,
  out: Size,
  strips: Pick<Strips, 'stripImages' | 'stripRows'>,
): number {
  const [kernelHeight, kernelWidth] = window.kernel;
  const rows = (strips.stripRows - 1) * window.stride[0] + kernelHeight;
  const columns = (out.width - 1) * window.stride[1] + kernelWidth;
  const strip =
    rows * columns * size.channels + SLACK_FLOATS + floatsBehind(2, window.stride[1], size.channels);
  return pairFloats({ kernel: [1, 1] }, out, kernelHeight * kernelWidth * size.channels, strips) + strip;
}

function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}

/**
 * Whole images in a strip, as many chunks as have enough of them, where the map is small; else rows.
 * @param sums floats for each image of a strip, of what is summed over images.
 */
function orImages(
  window: Window,
  from: Size,
  to: Size,
  elementBytes: number,
  leaves: number | undefined,
  allImages: number,
  rows: RowStrips,
  sums = 0,
): ImageStrips {
  const behind = floatsBehind(elementBytes, window.stride[1], from.channels);
  const ofRows: ImageStrips = {
    stripImages: 1,
    chunks: leaves ?? chunksOf(from),
    leaves: leaves ?? 1,
    stripRows: rows.stripRows,
    floats: rows.floats + behind,
  };
  if (!isSmall(window, from, to, elementBytes)) return ofRows;
  const imageFloats = from.height * from.width * from.channels;
  const stripOf = (images: number, chunks: number) =>
    even(Math.ceil(images / chunks), Math.floor(IMAGES_FLOATS / imageFloats));
  const ofAll = stripOf(allImages, imageChunks(allImages));
  if (ofAll === 1 || ofAll < Math.min(LEAST_IMAGES, allImages) / 2) return ofRows;
  // A power of two of leaves in each chunk.
  const most = imageChunks(from.images);
  const chunks = leaves === undefined ? most : Math.min(leaves, 2 ** Math.floor(Math.log2(most)));
  const stripImages = Math.max(2, stripOf(from.images, chunks)); // One would mean rows.
  const floats = stripImages * (imageFloats + sums) + SLACK_FLOATS + behind;
  return { ...ofRows, stripImages, chunks, floats };
}

/** Chunks with enough images for a tile's rows. */
function imageChunks(images: number): number {
  return Math.max(1, Math.min(MAX_CHUNKS, Math.floor(images / LEAST_IMAGES)));
}

/**
 * True for a convolution of stride 1 that keeps the size of a map too narrow to fill a tile's rows. Its taps are runs of
 * their own: in bfloat16 their channels must not be so few that a row of taps is padded together.
 */
function isSmall({ kernel, stride }: Window, from: Size, to: Size, elementBytes: number): boolean {
  const keepsSize = from.height === to.height && from.width === to.width;
  const tapsAreRuns = elementBytes === 4 || from.channels >= FEW_CHANNELS || kernel[1] === 1;
  return keepsSize && tapsAreRuns && from.width <= SMALL_WIDTH && stride.every((step) => step === 1);
}

/** Cuts `total` into parts of at most `most` (at least 1), nearly equal: the size of the largest. */
function even(total: number, most: number): number {
  const parts = Math.ceil(total / Math.max(1, most));
  return Math.ceil(total / parts);
}
