/**
 * How a convolution is split into strips: the part that is packed into scratch at a time, sized to stay in a core's
 * cache. For large maps a strip is some rows of one image; for small ones it is several whole images.
 */
import type { Window } from '../../../graph/op.ts';
import { FEW_CHANNELS, LINE_FLOATS, PANEL_WIDTH, SLACK_BYTES, TILE_DEPTH, TILE_ROWS } from '../constants.ts';
import type { GradWeightAlgorithm, Size } from '../records.ts';
import type { Products } from '../target.ts';
import { chunksOf, MAX_CHUNKS, paddedChannels } from './context.ts';

/** Most floats in a packed strip (256 KiB), so that it stays in a core's cache. */
const STRIP_FLOATS = 65_536;
/** Floats after a strip, for vector stores that write past its last pixel. */
const SLACK_FLOATS = SLACK_BYTES / 4;
/** bfloat16 elements in a cache line. */
const LINE_PAIRS = 2 * LINE_FLOATS;
/**
 * Maps up to this width are convolved with images as a tile's rows, because their rows have too few pixels to fill a
 * tile.
 */
const SMALL_WIDTH = 6;
/** Least images in a chunk of small maps: the rows of a tile. */
const LEAST_IMAGES = 8;
/** Most floats in a strip of small maps, which is read panel by panel from the L2 cache: 512 KiB. */
const IMAGES_FLOATS = 131_072;

/** Rows of output in a strip, and its scratch in floats. */
export interface RowStrips {
  readonly stripRows: number;
  readonly floats: number;
}

export interface Strips extends RowStrips {
  readonly stripImages: number;
}

export interface ImageStrips extends Strips {
  readonly chunks: number;
  /** Partials of sums over images; a chunk has one or, for small maps, several. */
  readonly leaves: number;
}

/**
 * Strips of a convolution that reads `size` and writes `out`, with `extraPerRow` additional floats per row of
 * outputs.
 */
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

/** Strips of a convolution that is computed row by row. */
export function forwardRows(window: Window, size: Size, out: Size, elementBytes: number): RowStrips {
  const { stripRows, floats } = inputStrip(window, size, out, 0);
  return { stripRows, floats: floats + floatsBehind(elementBytes, window.stride[1], size.channels) };
}

/**
 * How images are split into chunks: into leaves, if there is a sum over images; otherwise, with few images, into rows
 * too.
 */
export interface ImageCut {
  readonly leaves?: number | undefined;
  /** Chunks of images and rows: preferred while there are too few images for a tile's rows. */
  readonly rowChunks?: number | undefined;
}

/**
 * Strips of a convolution, and the chunks of its images.
 * @param allImages images of all ranks: the choice depends on them, so that all ranks compute in the same way.
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

/** Least pixels for splitting pixels into chunks, each at least one tile; with fewer, the outputs are split. */
const LEAST_PIXELS = 128;
/** Rows of a tile with AVX-512. */
const TILE_PIXELS = 14;
/**
 * Two tiles: a packed strip stays in the L1 cache for all outputs (DenseNet-121, 224×224: its 1×1 convolutions run at
 * 312 GFLOP/s instead of 286 with strips of 256 KiB).
 */
const POINTWISE_PIXELS = 2 * TILE_PIXELS;

/** Strips of a 1×1 convolution: consecutive pixels, across image boundaries. */
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

/** Strips of the transposed convolution that reads the gradient of `out` and writes that of `size`. */
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

/** How the work of a weight gradient is split. */
export interface GradWeightCut {
  readonly leaves: number;
  /** Images of all ranks. */
  readonly images: number;
  readonly channelChunks: number;
}

/**
 * Strips of a weight gradient, which hold inputs and gradients. Several whole images of a leaf share a strip if they
 * fit, because a strip of one small map has too little work. The number of images per strip determines the order of
 * sums, so it does not depend on `channelChunks`.
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
 * Sharing inputs between taps requires a stride of one. In small maps half of the positions are padding: too many for
 * dot products of pairs, but not for tiles.
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
 * Strips of the weight gradient of a convolution with a fused max pool: they also hold the map's gradient, as floats.
 * A bfloat16 plan reserves scratch for dot products even if its engine does not use them.
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

/** Floats that may be read past a bfloat16 strip, for pixels of `channels` channels, `stride` apart. */
function floatsBehind(elementBytes: number, stride: number, channels: number): number {
  return elementBytes === 4 ? 0 : Math.ceil((TILE_ROWS * stride * (channels + TILE_DEPTH) + TILE_DEPTH) / 2);
}

/**
 * Floats for both operands of the dot products over pixels, with `rows` rows of inputs
 * (kernels/conv/conv2d_grad_weight_pairs.h).
 */
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

/** The same with separate inputs for each tap, followed by the strip that they are copied from. */
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
 * Strips of whole images if the map is small, with as many chunks as have enough images; otherwise strips of rows.
 * @param sums floats per image of a strip, for sums over images.
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
  // Each chunk has a power of two of leaves.
  const most = imageChunks(from.images);
  const chunks = leaves === undefined ? most : Math.min(leaves, 2 ** Math.floor(Math.log2(most)));
  const stripImages = Math.max(2, stripOf(from.images, chunks)); // A value of 1 would select rows.
  const floats = stripImages * (imageFloats + sums) + SLACK_FLOATS + behind;
  return { ...ofRows, stripImages, chunks, floats };
}

/** Number of chunks with enough images for a tile's rows. */
function imageChunks(images: number): number {
  return Math.max(1, Math.min(MAX_CHUNKS, Math.floor(images / LEAST_IMAGES)));
}

/**
 * True for a convolution with stride 1 that keeps the size of its map, if the map is too narrow to fill a tile's
 * rows. Each tap is a separate run of inputs: in bfloat16, convolutions with so few channels that a row of taps is
 * padded together are excluded.
 */
function isSmall({ kernel, stride }: Window, from: Size, to: Size, elementBytes: number): boolean {
  const keepsSize = from.height === to.height && from.width === to.width;
  const tapsAreRuns = elementBytes === 4 || from.channels >= FEW_CHANNELS || kernel[1] === 1;
  return keepsSize && tapsAreRuns && from.width <= SMALL_WIDTH && stride.every((step) => step === 1);
}

/**
 * Splits `total` into parts of at most `most` (at least 1) and nearly equal size; returns the size of the largest.
 */
function even(total: number, most: number): number {
  const parts = Math.ceil(total / Math.max(1, most));
  return Math.ceil(total / parts);
}
