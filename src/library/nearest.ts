import type { Dataset, TrainTest } from '../data/dataset.ts';
import { imageReader } from '../data/pixels.ts';
import type { RunConfig } from '../train/config.ts';
import { dataOf } from '../train/run-data.ts';
import type { PixelImage } from './images.ts';

/** A training image that looks to the network like another image. */
export interface Neighbour {
  readonly label: string;
  /** Cosine of the angle between the features of the two images: 1 for the same direction. */
  readonly similarity: number;
  readonly image: PixelImage;
  /** Where it came from, if the data set tells. */
  readonly file?: string;
}

/** Options of `nearest`. */
export interface NearestOptions {
  /** Number of images to return, most similar first. Default: 5. */
  readonly count?: number;
  /** Number of training images to compare with, evenly spaced if there are more. Default: 2000. */
  readonly most?: number;
  /**
   * Called while the features of training images are computed. They are kept for the next image, with the same data set
   * and `most`.
   */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Options with all defaults. */
export type Search = Required<Omit<NearestOptions, 'onProgress'>> & Pick<NearestOptions, 'onProgress'>;

/** Images whose features are computed before progress is reported. */
const AT_ONCE = 32;

/** Training images with their features, scaled to length 1. */
export interface Candidates {
  readonly dataset: Dataset;
  readonly indices: readonly number[];
  readonly directions: readonly Float32Array[];
}

type Features = (images: readonly PixelImage[]) => Promise<readonly Float32Array[]>;

/** Computes the features of the images that a run was trained on. */
export async function candidatesOf(
  config: RunConfig,
  data: TrainTest,
  features: Features,
  { most, onProgress }: Search,
): Promise<Candidates> {
  const { train: dataset } = dataOf(config, data); // Without the validation images.
  const count = Math.min(config.limit ?? dataset.count, dataset.count);
  const taken = Math.min(most, count);
  const indices = Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
  const directions: Float32Array[] = [];
  for (let at = 0; at < taken; at += AT_ONCE) {
    onProgress?.(at, taken);
    const images = indices.slice(at, at + AT_ONCE).map((index) => imageAt(dataset, index));
    directions.push(...(await features(images)).map(directionOf));
  }
  onProgress?.(taken, taken);
  return { dataset, indices, directions };
}

/** The most similar of them. @param features of an image, [channels]. */
export function nearestOf(
  { dataset, indices, directions }: Candidates,
  features: Float32Array,
  { count }: Search,
): readonly Neighbour[] {
  const direction = directionOf(features);
  const found = directions.map((each, i) => ({ i, similarity: dot(each, direction) }));
  return found
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, count)
    .map(({ i, similarity }) => {
      const index = indices[i]!;
      const file = dataset.files?.[index];
      return {
        label: dataset.classNames[dataset.labels[index]!]!,
        similarity,
        image: imageAt(dataset, index),
        ...(file !== undefined && { file }),
      };
    });
}

function imageAt(dataset: Dataset, index: number): PixelImage {
  const { width, height } = dataset;
  return { width, height, data: imageReader(dataset)(index).slice() };
}

/** Scaled to length 1; all 0 if there is no direction. */
function directionOf(features: Float32Array): Float32Array {
  const length = Math.sqrt(dot(features, features));
  return length === 0 ? features : features.map((value) => value / length);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
