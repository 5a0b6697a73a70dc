import { requireWhole } from '../tensor/argument.ts';
import { permutation, streamOf } from '../tensor/random.ts';
import type { Pair } from '../tensor/shape.ts';
import { type Balance, balancedOrder, classWeights } from './balance.ts';
import type { Batch, BatchImages, Dataset, Labels } from './dataset.ts';
import { imageReader } from './pixels.ts';
import { createResizer } from './resize.ts';
import { type Augmentation, augment, type Moment } from './transforms/augment.ts';
import { byteTables, type Normalization } from './transforms/normalize.ts';

/** How a `Loader` makes batches. */
export interface LoaderOptions {
  /** [height, width] that images are resized to, as by torchvision's Resize. */
  readonly size: Pair;
  readonly batch: number;
  /** Number of images to use, from the start of the set. Default: all. */
  readonly limit?: number;
  readonly normalization?: Normalization;
  /** Augmentations of batches for a `Moment` of training. */
  readonly augment?: readonly Augmentation[];
  /** Handling of imbalanced classes. Default: none. */
  readonly balance?: Balance;
  /** Memory to reuse for batches if it is large enough: that of another loader that is no longer used. */
  readonly memory?: Uint8Array;
}

/**
 * Divides a data set into batches; the last may be smaller. Images are resized and augmented when their batch is
 * requested, and remain bytes in the batch. All batches share one buffer: an engine copies a batch when a run
 * starts, and the next batch is prepared during the run.
 */
export class Loader {
  readonly count: number;
  readonly batches: number;
  /** Images in the last batch. */
  readonly lastBatch: number;
  /** Number of batches of full size. */
  readonly fullBatches: number;
  readonly #dataset: Dataset;
  readonly #options: LoaderOptions;
  /** The buffer for the images of a batch. */
  readonly memory: Uint8Array;
  readonly #labels: Int32Array;
  /** Loss weights of the classes, and of the images of a batch. */
  readonly #classWeights: Float32Array | undefined;
  readonly #imageWeights: Float32Array;
  readonly #make: ReturnType<typeof imageMaker>;
  readonly #tables: readonly Float32Array[];

  constructor(dataset: Dataset, options: LoaderOptions) {
    for (const pixels of options.size) requireWhole(`size, [${options.size}],`, pixels);
    requireWhole('batch', options.batch);
    requireWhole('limit', options.limit ?? dataset.count);
    this.#dataset = dataset;
    this.#options = options;
    this.count = Math.min(options.limit ?? dataset.count, dataset.count);
    this.batches = Math.ceil(this.count / options.batch);
    this.lastBatch = this.count - (this.batches - 1) * options.batch;
    const room = Math.min(options.batch, this.count);
    this.fullBatches = Math.floor(this.count / room);
    const bytes = batchBytes(dataset, options);
    const { memory } = options;
    this.memory = memory && memory.length >= bytes ? memory : new Uint8Array(bytes);
    this.#labels = new Int32Array(room);
    this.#imageWeights = new Float32Array(room);
    if (options.balance === 'weights') {
      this.#classWeights = classWeights(this.#countedLabels(), dataset.classNames.length);
    }
    this.#make = imageMaker(dataset, options);
    this.#tables = byteTables(dataset.channels, options.normalization);
  }

  /**
   * The image order of an epoch: shuffled by the seed (balanced, if set) or, without `shuffle`, that of the data
   * set.
   */
  order(shuffle?: { readonly seed: number; readonly epoch: number }): Uint32Array {
    if (shuffle && this.#options.balance === 'sample') return balancedOrder(this.#countedLabels(), shuffle);
    if (!shuffle) return Uint32Array.from({ length: this.count }, (_, i) => i);
    return permutation(shuffle.seed, streamOf(`shuffle.${shuffle.epoch}`), this.count);
  }

  /**
   * Batch `index` of an order. Its memory is overwritten by the next call.
   * @param moment the moment of training for augmentation; undefined: no augmentation.
   */
  batch(order: Uint32Array, index: number, moment?: Moment): Batch {
    const { batch } = this.#options;
    requireWhole('the number of the batch', index, 0, this.batches - 1);
    const size = index === this.batches - 1 ? this.lastBatch : batch;
    const imageBytes = bytesOfImage(this.#dataset, this.#options);
    for (let i = 0; i < size; i++) {
      const image = order[index * batch + i]!;
      this.#make(image, this.memory, i * imageBytes, moment);
      const label = this.#dataset.labels[image]!;
      this.#labels[i] = label;
      if (this.#classWeights) this.#imageWeights[i] = this.#classWeights[label]!;
    }
    const bytes = this.memory.subarray(0, size * imageBytes);
    return {
      ...{ size, images: floatsOf(bytes, this.#tables), labels: this.#labels.subarray(0, size) },
      ...(this.#classWeights && { imageWeights: this.#imageWeights.subarray(0, size) }),
    };
  }

  #countedLabels(): Labels {
    return this.#dataset.labels.subarray(0, this.count);
  }
}

/** Bytes of one image of a batch. */
function bytesOfImage({ channels }: Pick<Dataset, 'channels'>, { size }: Pick<LoaderOptions, 'size'>) {
  return size[0] * size[1] * channels;
}

/** Memory of a loader in bytes, excluding the data set. */
export function batchBytes(
  dataset: Pick<Dataset, 'count' | 'channels'>,
  options: Pick<LoaderOptions, 'size' | 'batch' | 'limit'>,
): number {
  const { batch, limit = dataset.count } = options;
  return Math.min(batch, limit, dataset.count) * bytesOfImage(dataset, options);
}

/** Converts bytes to float32 on access. @param tables per channel, the value of each byte. */
export function floatsOf(bytes: Uint8Array, tables: readonly Float32Array[]): BatchImages {
  const channels = tables.length;
  return {
    length: bytes.length,
    encoded: { bytes, tables },
    copyTo(to, at) {
      for (let c = 0; c < channels; c++) {
        const table = tables[(at + c) % channels]!;
        for (let i = c; i < to.length; i += channels) to[i] = table[bytes[at + i]!]!;
      }
    },
  };
}

/** Returns a function that writes image `index`, resized, and augmented for a moment of training. */
function imageMaker(dataset: Dataset, { size, augment: names = [] }: LoaderOptions) {
  const { height, width, channels } = dataset;
  const read = imageReader(dataset);
  const resizer = createResizer([height, width], size, channels);
  const resized = new Uint8Array(size[0] * size[1] * channels);
  const picture = { pixels: resized, height: size[0], width: size[1], channels };
  return (index: number, to: Uint8Array, at: number, moment: Moment | undefined): void => {
    resizer.resize(read(index), 0, resized);
    if (moment && names.length > 0) augment(picture, names, moment, index);
    to.set(resized, at);
  };
}
