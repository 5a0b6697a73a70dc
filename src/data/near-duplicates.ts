import type { Dataset } from './dataset.ts';
import { imageReader } from './pixels.ts';
import { createResizer } from './resize.ts';

/** A test image that is equal or nearly equal to a training image. */
export interface NearDuplicate {
  /** Indices in their sets. */
  readonly test: number;
  readonly train: number;
}

/** Images are compared as grayscale thumbnails with this side in pixels. */
const SIDE = 12;
/** Threshold for the mean absolute difference of two thumbnails (0 to 255): about that of saving as JPEG. */
const SAME = 2;
/** Limit on the number of compared pairs, for speed; beyond it only the first test images are checked. */
const MOST_PAIRS = 200_000_000;

/**
 * Finds test images that are also in the training set, possibly recompressed. Accuracy on them does not measure
 * generalization. Images without contrast are ignored, because they are all similar.
 */
export function nearDuplicates(train: Dataset, test: Dataset): readonly NearDuplicate[] {
  const trained = thumbnails(train, train.count);
  const order = Array.from({ length: train.count }, (_, i) => i)
    .filter((i) => trained.spreads[i]! > SAME)
    .sort((a, b) => trained.means[a]! - trained.means[b]!);
  const tested = thumbnails(test, Math.min(test.count, Math.ceil(MOST_PAIRS / Math.max(1, train.count))));
  const found: NearDuplicate[] = [];
  for (let i = 0; i < tested.count; i++) {
    if (tested.spreads[i]! <= SAME) continue;
    const mean = tested.means[i]!;
    for (let at = firstAtLeast(order, trained.means, mean - SAME); at < order.length; at++) {
      const candidate = order[at]!;
      if (trained.means[candidate]! > mean + SAME) break;
      if (!areAlike(tested.pixels, i, trained.pixels, candidate)) continue;
      found.push({ test: i, train: candidate });
      break;
    }
  }
  return found;
}

interface Thumbnails {
  readonly count: number;
  readonly pixels: Uint8Array;
  readonly means: Float32Array;
  /** Mean absolute deviation of each thumbnail. */
  readonly spreads: Float32Array;
}

function thumbnails(dataset: Dataset, count: number): Thumbnails {
  const { height, width, channels } = dataset;
  const read = imageReader(dataset);
  const resizer = createResizer([height, width], [SIDE, SIDE], channels);
  const small = new Uint8Array(SIDE * SIDE * channels);
  const pixels = new Uint8Array(count * SIDE * SIDE);
  const [means, spreads] = [new Float32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i++) {
    resizer.resize(read(i), 0, small);
    const grey = pixels.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE);
    for (let p = 0; p < grey.length; p++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += small[p * channels + c]!;
      grey[p] = Math.round(sum / channels);
    }
    const mean = grey.reduce((sum, level) => sum + level, 0) / grey.length;
    means[i] = mean;
    spreads[i] = grey.reduce((sum, level) => sum + Math.abs(level - mean), 0) / grey.length;
  }
  return { count, pixels, means, spreads };
}

function areAlike(a: Uint8Array, i: number, b: Uint8Array, j: number): boolean {
  const length = SIDE * SIDE;
  let difference = 0;
  for (let p = 0; p < length; p++) {
    difference += Math.abs(a[i * length + p]! - b[j * length + p]!);
    if (difference > SAME * length) return false;
  }
  return true;
}

/** In an order sorted by mean, the position of the first image whose mean is at least `least`. */
function firstAtLeast(order: readonly number[], means: Float32Array, least: number): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (means[order[middle]!]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
