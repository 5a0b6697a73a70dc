import type { Pair } from '../tensor/shape.ts';
import type { DecodedImage } from './image.ts';
import { createResizer } from './resize.ts';

/**
 * An image as a network sees it: the shorter side resized to `size`, then the middle size × size pixels, with the
 * bits of torchvision's `Resize(size)` and `CenterCrop(size)`. Only the middle is made, so a strip a million pixels
 * long costs no more than a square.
 * @returns [size, size, channels] bytes.
 */
export function fitImage(image: DecodedImage, size: number, channels: number): Uint8Array {
  const { height, width } = image;
  const short = Math.min(height, width);
  const scaled = (side: number) => (side === short ? size : Math.trunc((size * side) / short));
  const out: Pair = [scaled(height), scaled(width)];
  const window = { top: middle(out[0], size), left: middle(out[1], size), height: size, width: size };
  // Fewer channels before: Pillow converts a whole image, then resizes. More of them after: they are all alike.
  const pixels = channels < image.channels ? toGrey(image.pixels) : image.pixels;
  const kept = Math.min(channels, image.channels);
  const to = new Uint8Array(size * size * kept);
  createResizer([height, width], out, kept, window).resize(pixels, 0, to);
  return kept === channels ? to : repeated(to, channels);
}

/** Where the middle begins; halves go to the even neighbour, as Python rounds. */
function middle(outer: number, inner: number): number {
  const half = (outer - inner) / 2;
  const down = Math.floor(half);
  return half - down === 0.5 ? down + (down % 2) : Math.round(half);
}

/** Colour to grey with Pillow's weights (ITU-R 601, 16-bit fixed point). */
function toGrey(pixels: Uint8Array): Uint8Array {
  const grey = new Uint8Array(pixels.length / 3);
  for (let i = 0; i < grey.length; i++) {
    const [red, green, blue] = [pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!];
    grey[i] = (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16;
  }
  return grey;
}

/** Grey to colour. */
function repeated(grey: Uint8Array, channels: number): Uint8Array {
  return Uint8Array.from({ length: grey.length * channels }, (_, i) => grey[Math.floor(i / channels)]!);
}

/** Maps are halved five times: with sizes of this step no row of pixels is lost. */
const SIZE_STEP = 32;
/** Twice the side takes four times as long: more is for whoever has fine details, and time. */
const LARGEST_SIZE = 96;

/** Height and width to train at on pictures of this shorter side: a multiple of 32 (28 becomes 32), at most 96. */
export function suitableSize(side: number): number {
  return Math.min(LARGEST_SIZE, Math.max(SIZE_STEP, SIZE_STEP * Math.round(side / SIZE_STEP)));
}
