/// <reference lib="esnext.disposable" preserve="true" />
import type { TrainTest } from '../data/dataset.ts';
import type { ImageDecoder } from '../data/image.ts';
import { inOrder } from '../data/in-order.ts';
import type { Model } from '../model/module.ts';
import type { LoadedCheckpoint, RunState } from '../train/checkpoint.ts';
import { isFinished } from '../train/compare.ts';
import { ConfigError, type RunConfig } from '../train/config.ts';
import { softmax } from '../train/scorecard.ts';
import type { Trained } from '../train/trained.ts';
import { Explainer, type Explanation } from './explain.ts';
import { type ImageInput, readImage } from './images.ts';
import type { NearestOptions, Neighbour } from './nearest.ts';
import { type EngineSource, MOST_AT_ONCE, Predictor } from './predictor.ts';
import { said } from './said.ts';

/** A class and its predicted probability. */
export interface Prediction {
  readonly label: string;
  /** From 0 to 1; the sum over all classes is 1. */
  readonly probability: number;
}

/** Options of `predict`. */
export interface PredictOptions {
  /** Number of classes to return, most probable first. Default: all. */
  readonly top?: number;
  /** Averages over the image and its horizontal flip, in twice the time. Default: false. */
  readonly mirror?: boolean;
}

/** Platform services of a network. */
export interface NetworkHost {
  readonly decoder: ImageDecoder;
  readonly engine: EngineSource;
}

/** A trained network for predictions. Close it when it is no longer needed, or declare it with `await using`. */
export class TrainedNetwork {
  /** One name per class. */
  readonly classNames: readonly string[];
  /** Height and width of its input in pixels. Other images are resized and center-cropped. */
  readonly size: number;
  /** Channels of its input: 1 (grayscale) or 3 (RGB). Other images are converted. */
  readonly channels: number;
  /** The module description. */
  readonly model: Model;
  /** The configuration of its training. */
  readonly config: RunConfig;
  /** False if its training was interrupted; `fit` with `resume` continues it. */
  readonly finished: boolean;
  /** The points of its training curves. */
  readonly history: RunState['history'];
  /** Its checkpoint and configuration, for `fit` with `resume` and for export. */
  readonly trained: Trained;
  /** Loads the checkpoint of its best epoch if available, otherwise its own. */
  readonly bestCheckpoint: () => LoadedCheckpoint;
  readonly #predictor: Predictor;
  readonly #decoder: ImageDecoder;
  #explainer: Explainer | undefined;

  constructor(trained: Trained, { decoder, engine }: NetworkHost, best = () => trained.checkpoint) {
    const { config, model, classNames, checkpoint } = trained;
    this.trained = trained;
    this.bestCheckpoint = best;
    this.classNames = classNames;
    this.size = config.size;
    this.channels = model.channels;
    this.model = model;
    this.config = config;
    this.finished = config.data === undefined || isFinished(checkpoint.run); // Imported weights have no run.
    this.history = checkpoint.run.history;
    this.#predictor = new Predictor(trained, engine);
    this.#decoder = decoder;
  }

  /**
   * Predicts the classes of an image, most probable first. The result does not depend on other images of the call.
   * Concurrent calls are queued.
   * @throws DataError if the input is not an image; EngineError after `close`.
   */
  predict(image: ImageInput, options?: PredictOptions): Promise<readonly Prediction[]>;
  /** The same for several images. */
  predict(
    images: readonly ImageInput[],
    options?: PredictOptions,
  ): Promise<readonly (readonly Prediction[])[]>;
  async predict(
    given: ImageInput | readonly ImageInput[],
    { top = this.classNames.length, mirror = false }: PredictOptions = {},
  ): Promise<readonly Prediction[] | readonly (readonly Prediction[])[]> {
    this.#predictor.requireOpen();
    requireNumber('top', top, 'classes to name');
    const images: readonly ImageInput[] = Array.isArray(given) ? given : [given as ImageInput];
    const isOne = !Array.isArray(given);
    const rows = await this.#inBatches(images, isOne, (batch) => this.#predictor.predict(batch, mirror));
    const found = rows.map((row) => this.#ranked(row, top));
    return isOne ? found[0]! : found;
  }

  /**
   * Predicts the classes of an image, and tells where in the image each logit comes from and what the blocks of the
   * network computed. All in float32: predictions of a run with bfloat16 may differ from those of `predict` by its
   * rounding.
   * @throws DataError if the input is not an image; ConfigError unless the network ends in a global average pool,
   * flatten and one linear layer, as all of `MODEL_NAMES` do; EngineError after `close`.
   */
  async explain(image: ImageInput): Promise<Explanation> {
    const explainer = this.#explain();
    const bytes = await readImage(image, this, this.#decoder, 'the image');
    return explainer.explain(bytes, (logits) => this.#ranked(softmax(logits), logits.length));
  }

  /**
   * The features of images, [channels] each: the means over the last feature maps, which the classifier reads.
   * Similar images have features of a large cosine similarity. @throws as `explain`
   */
  async features(images: readonly ImageInput[]): Promise<readonly Float32Array[]> {
    const explainer = this.#explain();
    return this.#inBatches(images, false, (batch) => explainer.features(batch));
  }

  /**
   * The training images that are most similar to an image, by the cosine similarity of their features.
   * @param data the images that the network was trained on. @throws as `explain`, and ConfigError for invalid options
   */
  async nearest(
    image: ImageInput,
    data: TrainTest,
    { count = 5, most = 2000, ...rest }: NearestOptions = {},
  ): Promise<readonly Neighbour[]> {
    const explainer = this.#explain();
    requireNumber('count', count, 'images to return');
    requireNumber('most', most, 'images to compare with');
    return explainer.nearest(image, data, (images) => this.features(images), { count, most, ...rest });
  }

  /** Waits for pending calls, then frees memory and threads. Later calls are errors. */
  close(): Promise<void> {
    return this.#predictor.close();
  }

  /** For `await using net = await loadRun(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws EngineError after `close`. */
  protected requireOpen(): void {
    this.#predictor.requireOpen();
  }

  #explain(): Explainer {
    this.#predictor.requireOpen();
    this.#explainer ??= new Explainer(this.trained, this.#predictor);
    return this.#explainer;
  }

  /** Reads images, some at a time, and asks for each batch of them. */
  async #inBatches<T>(
    images: readonly ImageInput[],
    isOne: boolean,
    ask: (batch: readonly Uint8Array[]) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const numbered = images.map((image, i) => ({
      image,
      what: isOne ? 'the image' : `image ${i + 1} of ${images.length}`,
    }));
    const read = ({ image, what }: (typeof numbered)[number]) => readImage(image, this, this.#decoder, what);
    const found: T[] = [];
    let batch: Uint8Array[] = [];
    for await (const [, bytes] of inOrder(numbered, this.#decoder.atOnce, read)) {
      batch.push(bytes);
      if (batch.length < MOST_AT_ONCE) continue;
      found.push(...(await ask(batch)));
      batch = [];
    }
    if (batch.length > 0) found.push(...(await ask(batch)));
    return found;
  }

  #ranked(probabilities: Float64Array, top: number): readonly Prediction[] {
    return this.classNames
      .map((label, i) => ({ label, probability: probabilities[i]! }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
  }
}

/** @throws ConfigError */
function requireNumber(name: string, value: number, of: string): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ConfigError(`\`${name}\` is ${said(value)}: expected a whole number from 1, of ${of}`);
}
