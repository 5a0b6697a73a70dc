import type { Pair } from '../tensor/shape.ts';
import type { DecodedImage } from './image.ts';
import { createResizer } from './resize.ts';

/**
 * Converts an image to the input size of a network: resizes the shorter side to `size` and crops the central size
 * × size pixels, bit-identical to torchvision's `Resize(size)` and `CenterCrop(size)`. Only the central pixels are
 * computed, so the cost does not depend on the aspect ratio.
 * @returns [size, size, channels] bytes.
 */
export function fitImage(image: DecodedImage, size: number, channels: number): Uint8Array {
  const { height, width } = image;
  const short = Math.min(height, width);
  const scaled = (side: number) => (side === short ? size : Math.trunc((size * side) / short));
  const out: Pair = [scaled(height), scaled(width)];
  const window = { top: middle(out[0], size), left: middle(out[1], size), height: size, width: size };
  // Conversion to grayscale is done before resizing, as in Pillow; conversion to RGB after it, because channels
  // are equal.
  const pixels = channels < image.channels ? toGrey(image.pixels) : image.pixels;
  const kept = Math.min(channels, image.channels);
  const to = new Uint8Array(size * size * kept);
  createResizer([height, width], out, kept, window).resize(pixels, 0, to);
  return kept === channels ? to : repeated(to, channels);
}

/** Offset of a centered window; halves are rounded to even, as by Python's `round`. */
function middle(outer: number, inner: number): number {
  const half = (outer - inner) / 2;
  const down = Math.floor(half);
  return half - down === 0.5 ? down + (down % 2) : Math.round(half);
}

/** RGB → grayscale with Pillow's weights (ITU-R 601, 16-bit fixed point). */
function toGrey(pixels: Uint8Array): Uint8Array {
  const grey = new Uint8Array(pixels.length / 3);
  for (let i = 0; i < grey.length; i++) {
    const [red, green, blue] = [pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!];
    grey[i] = (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16;
  }
  return grey;
}

/** Repeats the gray channel `channels` times. */
function repeated(grey: Uint8Array, channels: number): Uint8Array {
  return Uint8Array.from({ length: grey.length * channels }, (_, i) => grey[Math.floor(i / channels)]!);
}

/** Networks halve feature maps five times, so sizes that are multiples of this lose no row of pixels. */
const SIZE_STEP = 32;
/** Largest default size, because twice the size takes four times as long. */
const LARGEST_SIZE = 96;

/**
 * The default training size for images whose shorter side is `side` pixels: a multiple of 32 (28 → 32), at most
 * 96.
 */
export function suitableSize(side: number): number {
  return Math.min(LARGEST_SIZE, Math.max(SIZE_STEP, SIZE_STEP * Math.round(side / SIZE_STEP)));
}
