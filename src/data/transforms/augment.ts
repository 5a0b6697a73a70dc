import { randomBits, streamOf, uniform } from '../../tensor/random.ts';
import { createResizer } from '../resize.ts';

/** The augmentations of training images, in the order of their application. */
export const AUGMENTATIONS = ['resized-crop', 'crop', 'shift', 'flip', 'erase'] as const;
export type Augmentation = (typeof AUGMENTATIONS)[number];

/** Identifies the augmented version of an image: each epoch has a different one. */
export interface Moment {
  readonly seed: number;
  readonly epoch: number;
}

/** One image, modified in place. */
export interface AugmentedImage {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Random numbers in [0, 1) for one augmentation of one image, independent of other augmentations. */
type Draw = (counter: number) => number;

/**
 * Augments an image. The result is a function of (seed, epoch, image index), so a resumed run has the same images.
 * @param index index of the image in its data set.
 */
export function augment(
  image: AugmentedImage,
  names: readonly Augmentation[],
  { seed, epoch }: Moment,
  index: number,
): void {
  for (const name of AUGMENTATIONS) {
    if (!names.includes(name)) continue;
    const stream = streamOf(`augment.${name}.${epoch}.${index}`);
    const draw: Draw = (counter) => uniform(seed, stream, counter);
    if (name === 'erase') erase(image, draw, (counter) => randomBits(seed, stream, counter));
    else CHANGES[name](image, draw);
  }
}

const CHANGES = { 'resized-crop': resizedCrop, crop, shift, flip } as const;

/** torchvision's RandomCrop(side, padding = side / 8), padded with black: by 4 of the 32 pixels of CIFAR. */
export function crop(image: AugmentedImage, draw: Draw): void {
  translate(image, 1 / 8, draw);
}

/** A crop with half the padding, for centered subjects: 2 of the 28 pixels of Fashion-MNIST. */
export function shift(image: AugmentedImage, draw: Draw): void {
  translate(image, 1 / 16, draw);
}

/** Shifts the image on each axis independently by up to ± `share` of its side, or ± 1 pixel if that is more. */
function translate(image: AugmentedImage, share: number, draw: Draw): void {
  const distance = (side: number, counter: number) => {
    const most = Math.max(1, Math.round(side * share));
    return below(2 * most + 1, draw(counter)) - most;
  };
  move(image, distance(image.height, 0), distance(image.width, 1));
}

/** Pixel (y, x) = the previous pixel (y + down, x + right), or black if that is outside. */
function move({ pixels, height, width, channels }: AugmentedImage, down: number, right: number): void {
  const from = pixels.slice();
  pixels.fill(0);
  const [first, last] = [Math.max(0, -right), Math.min(width, width - right)];
  for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
    const start = ((y + down) * width + first + right) * channels;
    pixels.set(from.subarray(start, start + (last - first) * channels), (y * width + first) * channels);
  }
}

/** torchvision's RandomHorizontalFlip, with probability 1/2. */
export function flip(image: AugmentedImage, draw: Draw): void {
  if (draw(0) < 0.5) mirror(image);
}

/** Flips the image horizontally. */
export function mirror({ pixels, height, width, channels }: AugmentedImage): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width >> 1; x++) {
      const [a, b] = [(y * width + x) * channels, (y * width + width - 1 - x) * channels];
      for (let c = 0; c < channels; c++) {
        [pixels[a + c], pixels[b + c]] = [pixels[b + c]!, pixels[a + c]!];
      }
    }
  }
}

/**
 * Random erasing (Zhong et al. 2017, https://arxiv.org/abs/1708.04896, RE-R): with probability 1/2 fills a
 * rectangle with random bytes. Its area is 2% to 33% of the image, its height 0.3 to 3.3 times its width, as in
 * torchvision's RandomErasing.
 */
export function erase(image: AugmentedImage, draw: Draw, bits: (counter: number) => number): void {
  const { pixels, height, width, channels } = image;
  if (draw(0) >= 0.5) return;
  const found = rectangle(image, draw, { share: [0.02, 0.33], ratio: [0.3, 3.3] }, (h, w) => {
    return h < height && w < width;
  });
  if (!found) return;
  let counter = 1000; // After the counters used for the rectangle.
  for (let y = found.top; y < found.top + found.height; y++) {
    const start = (y * width + found.left) * channels;
    for (let i = 0; i < found.width * channels; i += 4) {
      const random = bits(counter++);
      for (let k = 0; k < 4 && i + k < found.width * channels; k++) {
        pixels[start + i + k] = (random >>> (8 * k)) & 255;
      }
    }
  }
}

/**
 * torchvision's RandomResizedCrop (Szegedy et al. 2014), applied to the image at its training size: a rectangle of
 * 8% to 100% of the area, with a height of 3/4 to 4/3 of its width, is resized to the full size.
 */
export function resizedCrop(image: AugmentedImage, draw: Draw): void {
  const { pixels, height, width, channels } = image;
  const found = rectangle(image, draw, { share: [0.08, 1], ratio: [3 / 4, 4 / 3] }, (h, w) => {
    return h <= height && w <= width;
  });
  if (!found) return;
  const part = new Uint8Array(found.height * found.width * channels);
  for (let y = 0; y < found.height; y++) {
    const start = ((y + found.top) * width + found.left) * channels;
    part.set(pixels.subarray(start, start + found.width * channels), y * found.width * channels);
  }
  createResizer([found.height, found.width], [height, width], channels).resize(part, 0, pixels);
}

interface Range {
  readonly share: readonly [number, number];
  readonly ratio: readonly [number, number];
}

/**
 * A rectangle with random area, aspect ratio and position; undefined if ten attempts were too large. Uses draws
 * from 1 on.
 */
function rectangle(
  { height, width }: AugmentedImage,
  draw: Draw,
  { share, ratio }: Range,
  fits: (height: number, width: number) => boolean,
) {
  const between = ([low, high]: readonly [number, number], at: number) => low + (high - low) * draw(at);
  for (let attempt = 0; attempt < 10; attempt++) {
    const at = 1 + 4 * attempt;
    const area = height * width * between(share, at);
    const shape = Math.exp(between([Math.log(ratio[0]), Math.log(ratio[1])], at + 1));
    const [h, w] = [Math.round(Math.sqrt(area * shape)), Math.round(Math.sqrt(area / shape))];
    if (h < 1 || w < 1 || !fits(h, w)) continue;
    const [top, left] = [below(height - h + 1, draw(at + 2)), below(width - w + 1, draw(at + 3))];
    return { top, left, height: h, width: w };
  }
  return undefined;
}

/** An integer in [0, count). */
function below(count: number, random: number): number {
  return Math.floor(count * random);
}
