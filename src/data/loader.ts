import { permutation, streamOf } from '../tensor/random.ts';
import type { Pair } from '../tensor/shape.ts';
import type { Batch, Dataset } from './dataset.ts';
import { imageReader } from './pixels.ts';
import { createResizer } from './resize.ts';
import { type Augmentation, augment, type Moment } from './transforms/augment.ts';
import { byteTables, type Normalization } from './transforms/normalize.ts';

export interface LoaderOptions {
  /** [height, width] that images are resized to, as torchvision's Resize does it. */
  readonly size: Pair;
  readonly batch: number;
  /** Only the first images of the set. */
  readonly limit?: number;
  readonly normalization?: Normalization;
  /** What is done to the images of a batch that is made for a moment of training. */
  readonly augment?: readonly Augmentation[];
}

/**
 * Cuts a data set into batches; the last may be short. Images stay bytes at their own size until their batch is
 * made. Two batches exist: one to be filled while the engine works on the other.
 */
export class Loader {
  readonly count: number;
  readonly batches: number;
  /** Images in the last batch. */
  readonly lastBatch: number;
  readonly #dataset: Dataset;
  readonly #options: LoaderOptions;
  readonly #buffers: readonly { readonly images: Float32Array; readonly labels: Int32Array }[];
  readonly #make: ReturnType<typeof imageMaker>;
  #turn = 0;

  constructor(dataset: Dataset, options: LoaderOptions) {
    this.#dataset = dataset;
    this.#options = options;
    this.count = Math.min(options.limit ?? dataset.count, dataset.count);
    this.batches = Math.ceil(this.count / options.batch);
    this.lastBatch = this.count - (this.batches - 1) * options.batch;
    const room = Math.min(options.batch, this.count);
    const imageFloats = options.size[0] * options.size[1] * dataset.channels;
    this.#buffers = [0, 1].map(() => ({
      images: new Float32Array(room * imageFloats),
      labels: new Int32Array(room),
    }));
    this.#make = imageMaker(dataset, options);
  }

  /** The order of an epoch: shuffled by the seed, or as the file has it. */
  order(shuffle?: { readonly seed: number; readonly epoch: number }): Uint32Array {
    if (!shuffle) return Uint32Array.from({ length: this.count }, (_, i) => i);
    return permutation(shuffle.seed, streamOf(`shuffle.${shuffle.epoch}`), this.count);
  }

  /**
   * Batch `index` of an order. Its arrays are used again by the call after the next.
   * @param moment of training: without one nothing is augmented.
   */
  batch(order: Uint32Array, index: number, moment?: Moment): Batch {
    const { batch } = this.#options;
    const size = index === this.batches - 1 ? this.lastBatch : batch;
    const { images, labels } = this.#buffers[this.#turn]!;
    this.#turn = 1 - this.#turn;
    const imageFloats = images.length / labels.length;
    for (let i = 0; i < size; i++) {
      const image = order[index * batch + i]!;
      this.#make(image, images, i * imageFloats, moment);
      labels[i] = this.#dataset.labels[image]!;
    }
    return { size, images: images.subarray(0, size * imageFloats), labels: labels.subarray(0, size) };
  }
}

/** Writes image `index`, resized, augmented at a moment of training, and normalised, into a float array. */
function imageMaker(dataset: Dataset, { size, normalization, augment: names = [] }: LoaderOptions) {
  const { height, width, channels } = dataset;
  const read = imageReader(dataset);
  const resizer = createResizer([height, width], size, channels);
  const resized = new Uint8Array(size[0] * size[1] * channels);
  const picture = { pixels: resized, height: size[0], width: size[1], channels };
  const tables = byteTables(channels, normalization);
  return (index: number, to: Float32Array, at: number, moment: Moment | undefined): void => {
    resizer.resize(read(index), 0, resized);
    if (moment && names.length > 0) augment(picture, names, moment, index);
    for (let c = 0; c < channels; c++) {
      const table = tables[c]!;
      for (let i = c; i < resized.length; i += channels) to[at + i] = table[resized[i]!]!;
    }
  };
}
