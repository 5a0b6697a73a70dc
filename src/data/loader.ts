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
  /** [height, width] that images are resized to, as torchvision's Resize does it. */
  readonly size: Pair;
  readonly batch: number;
  /** Only the first images of the set. */
  readonly limit?: number;
  readonly normalization?: Normalization;
  /** What is done to the images of a batch that is made for a moment of training. */
  readonly augment?: readonly Augmentation[];
  /** What is done about unequal classes. Default: nothing. */
  readonly balance?: Balance;
  /** Where to make batches, if it is large enough: the memory of another loader whose batches are done with. */
  readonly memory?: Uint8Array;
}

/**
 * Cuts a data set into batches; the last may be short. Images stay bytes at their own size until their batch is
 * made, and bytes in the batch. There is one batch: an engine has its own copy as soon as a run has begun, and the next
 * is made while it works.
 */
export class Loader {
  readonly count: number;
  readonly batches: number;
  /** Images in the last batch. */
  readonly lastBatch: number;
  /** The first so many batches are as large as any. */
  readonly fullBatches: number;
  readonly #dataset: Dataset;
  readonly #options: LoaderOptions;
  /** The bytes of a batch. */
  readonly memory: Uint8Array;
  readonly #labels: Int32Array;
  /** Of the classes, and of the images of a batch. */
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

  /** The order of an epoch: shuffled by the seed, with classes balanced where that is asked for; or as the file has it. */
  order(shuffle?: { readonly seed: number; readonly epoch: number }): Uint32Array {
    if (shuffle && this.#options.balance === 'sample') return balancedOrder(this.#countedLabels(), shuffle);
    if (!shuffle) return Uint32Array.from({ length: this.count }, (_, i) => i);
    return permutation(shuffle.seed, streamOf(`shuffle.${shuffle.epoch}`), this.count);
  }

  /**
   * Batch `index` of an order. Its memory is used again by the next call.
   * @param moment of training: without one nothing is augmented.
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

/** Of one image as a batch has it. */
function bytesOfImage({ channels }: Pick<Dataset, 'channels'>, { size }: Pick<LoaderOptions, 'size'>) {
  return size[0] * size[1] * channels;
}

/** What a loader takes beside its data set. */
export function batchBytes(
  dataset: Pick<Dataset, 'count' | 'channels'>,
  options: Pick<LoaderOptions, 'size' | 'batch' | 'limit'>,
): number {
  const { batch, limit = dataset.count } = options;
  return Math.min(batch, limit, dataset.count) * bytesOfImage(dataset, options);
}

/** @param tables of each channel: what a byte becomes. */
export function floatsOf(bytes: Uint8Array, tables: readonly Float32Array[]): BatchImages {
  const channels = tables.length;
  return {
    length: bytes.length,
    copyTo(to, at) {
      for (let c = 0; c < channels; c++) {
        const table = tables[(at + c) % channels]!;
        for (let i = c; i < to.length; i += channels) to[i] = table[bytes[at + i]!]!;
      }
    },
  };
}

/** Writes image `index`, resized and augmented at a moment of training. */
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
