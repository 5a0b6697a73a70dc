import type { TrainTest } from '../data/dataset.ts';
import { blockLayouts, linearHead } from '../model/feature-maps.ts';
import { trace } from '../model/trace.ts';
import { ConfigError } from '../train/config.ts';
import type { Trained } from '../train/trained.ts';
import type { ImageInput, PixelImage } from './images.ts';
import { type Candidates, candidatesOf, type Neighbour, nearestOf, type Search } from './nearest.ts';
import type { Prediction } from './network.ts';
import type { Predictor } from './predictor.ts';

/** Feature maps of one image. */
export interface FeatureMaps {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** [height, width, channels]. */
  readonly data: Float32Array;
}

/** The output of a dense block, or of a stage of a residual network. */
export interface BlockMaps extends FeatureMaps {
  /** Number of the block, from 1. */
  readonly block: number;
  /**
   * In a dense block: the number of channels that it was given, then of those that each of its layers added, in the
   * order of `data`. Otherwise the number of all channels.
   */
  readonly parts: readonly number[];
}

/** What a network computed for an image. All of it can be sent to a worker or a page. */
export interface Explanation {
  /** Most probable first. */
  readonly predictions: readonly Prediction[];
  /** The image as the network reads it. */
  readonly image: PixelImage;
  /** [classes], in the order of `classNames`. */
  readonly logits: Float32Array;
  /** What the classifier adds to each logit, [classes]. */
  readonly bias: Float32Array;
  /**
   * The class activation map of each class (Zhou et al. 2016), one channel per class: where in the image its logit comes
   * from. The mean of a map plus the bias of its class is the logit, up to rounding.
   */
  readonly classMaps: FeatureMaps;
  /** The means that the classifier reads, [channels]: similar images have similar ones. */
  readonly features: Float32Array;
  /** The output of each block, in order. */
  readonly blocks: readonly BlockMaps[];
}

/** Explains predictions of a network that ends in global pool, flatten and linear. */
export class Explainer {
  readonly #trained: Trained;
  readonly #predictor: Predictor;
  /** The latest of each data set. */
  readonly #searched = new WeakMap<
    TrainTest,
    { readonly most: number; readonly candidates: Promise<Candidates> }
  >();
  readonly #layouts: ReturnType<typeof blockLayouts>;
  readonly #weight: ArrayLike<number>;
  readonly #bias: Float32Array;
  readonly #maps: { readonly height: number; readonly width: number };

  /** @throws ConfigError for networks that end otherwise. */
  constructor(trained: Trained, predictor: Predictor) {
    const { model, config, checkpoint } = trained;
    const traced = trace(model, 1, [config.size, config.size], 'evaluate');
    const head = linearHead(traced);
    if (!head) {
      throw new ConfigError(
        `the network ${model.name} cannot be explained: expected one that ends in globalAvgPool, flatten and linear`,
      );
    }
    const [, , height, width] = head.shape as [number, number, number, number];
    this.#trained = trained;
    this.#predictor = predictor;
    this.#layouts = blockLayouts(traced);
    this.#weight = checkpoint.state.get(head.weight)!;
    this.#bias =
      head.bias === undefined
        ? new Float32Array(model.classes)
        : Float32Array.from(checkpoint.state.get(head.bias)!);
    this.#maps = { height, width };
  }

  /** @param image in the format of `readImage`. @param rank sorts probabilities, [classes], into predictions. */
  async explain(
    image: Uint8Array,
    rank: (logits: Float32Array) => readonly Prediction[],
  ): Promise<Explanation> {
    const { size } = this.#trained.config;
    const names = this.#layouts.map(({ name }) => name);
    const [explanation] = await this.#predictor.inspect([image], ['features', ...names], (output) => {
      const maps = output('features');
      const logits = Float32Array.from(output('logits'));
      return {
        predictions: rank(logits),
        image: { width: size, height: size, data: image },
        logits,
        bias: this.#bias.slice(),
        classMaps: this.#classMaps(maps),
        features: this.#means(maps),
        blocks: this.#layouts.map(({ name, height, width, parts }, i) => ({
          ...{ block: i + 1, height, width, parts },
          channels: parts.reduce((sum, count) => sum + count, 0),
          data: Float32Array.from(output(name)),
        })),
      };
    });
    return explanation!;
  }

  /** The means that the classifier reads, [channels], for each image. */
  features(images: readonly Uint8Array[]): Promise<readonly Float32Array[]> {
    return this.#predictor.inspect(images, ['features'], (output) => this.#means(output('features')));
  }

  /** @param features computes those of images. */
  async nearest(
    image: ImageInput,
    data: TrainTest,
    features: (images: readonly ImageInput[]) => Promise<readonly Float32Array[]>,
    search: Search,
  ): Promise<readonly Neighbour[]> {
    const [ofImage] = await features([image]);
    const { most } = search;
    let searched = this.#searched.get(data);
    if (searched?.most !== most) {
      searched = { most, candidates: candidatesOf(this.#trained.config, data, features, search) };
      this.#searched.set(data, searched);
      searched.candidates.catch(() => this.#searched.delete(data)); // The next call tries again.
    }
    return nearestOf(await searched.candidates, ofImage!, search);
  }

  #classMaps(maps: ArrayLike<number>): FeatureMaps {
    const { height, width } = this.#maps;
    const pixels = height * width;
    const [channels, classes] = [maps.length / pixels, this.#bias.length];
    const data = new Float32Array(pixels * classes);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let c = 0; c < classes; c++) {
        let sum = 0;
        for (let k = 0; k < channels; k++)
          sum += this.#weight[c * channels + k]! * maps[pixel * channels + k]!;
        data[pixel * classes + c] = sum;
      }
    }
    return { height, width, channels: classes, data };
  }

  #means(maps: ArrayLike<number>): Float32Array {
    const pixels = this.#maps.height * this.#maps.width;
    const channels = maps.length / pixels;
    const sums = new Float64Array(channels);
    for (let i = 0; i < maps.length; i++) sums[i % channels]! += maps[i]!;
    return Float32Array.from(sums, (sum) => sum / pixels);
  }
}
