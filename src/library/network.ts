/// <reference lib="esnext.disposable" preserve="true" />
import type { ImageDecoder } from '../data/image.ts';
import { inOrder } from '../data/in-order.ts';
import type { Model } from '../model/module.ts';
import type { LoadedCheckpoint, RunState } from '../train/checkpoint.ts';
import { isFinished } from '../train/compare.ts';
import { ConfigError, type RunConfig } from '../train/config.ts';
import type { Trained } from '../train/trained.ts';
import { type ImageInput, readImage } from './images.ts';
import { type EngineSource, MOST_AT_ONCE, Predictor } from './predictor.ts';
import { said } from './said.ts';

/** One class of an image's, and how likely it is. */
export interface Prediction {
  readonly label: string;
  /** From 0 to 1; those of all classes add up to 1. */
  readonly probability: number;
}

/** Options of `predict`. */
export interface PredictOptions {
  /** Only the likeliest so many classes. Default: all. */
  readonly top?: number;
  /** Averages over the image and its mirror image, in twice the time. Default: false. */
  readonly mirror?: boolean;
}

/** What a network has of the machine that it runs on. */
export interface NetworkHost {
  readonly decoder: ImageDecoder;
  readonly engine: EngineSource;
}

/** A trained network: asks it about images. Close it when it is no longer needed (or declare it with `await using`). */
export class TrainedNetwork {
  /** A name for each class. */
  readonly classNames: readonly string[];
  /** Height and width of the images that it reads, in pixels: others are resized, and their middle is cut out. */
  readonly size: number;
  /** Channels of the images that it reads: 1 is grey, 3 is RGB; others are converted. */
  readonly channels: number;
  /** What it is made of. */
  readonly model: Model;
  /** What it was trained with. */
  readonly config: RunConfig;
  /** False where its training was interrupted: `fit` with `resume` goes on. */
  readonly finished: boolean;
  /** The points of its curves. */
  readonly history: RunState['history'];
  /** For `fit` to go on with, and to be written. */
  readonly trained: Trained;
  /** Loads the checkpoint of its best epoch, where that is known apart from its own. */
  readonly bestCheckpoint: () => LoadedCheckpoint;
  readonly #predictor: Predictor;
  readonly #decoder: ImageDecoder;

  constructor(trained: Trained, { decoder, engine }: NetworkHost, best = () => trained.checkpoint) {
    const { config, model, classNames, checkpoint } = trained;
    this.trained = trained;
    this.bestCheckpoint = best;
    this.classNames = classNames;
    this.size = config.size;
    this.channels = model.channels;
    this.model = model;
    this.config = config;
    this.finished = config.data === undefined || isFinished(checkpoint.run); // Imported weights are of no run.
    this.history = checkpoint.run.history;
    this.#predictor = new Predictor(trained, engine);
    this.#decoder = decoder;
  }

  /**
   * The classes of an image, the likeliest first. What is said of an image does not depend on those beside it; calls
   * that come together wait for one another.
   * @throws DataError for what is no image; EngineError after `close`.
   */
  predict(image: ImageInput, options?: PredictOptions): Promise<readonly Prediction[]>;
  /** The same for each of several images. */
  predict(
    images: readonly ImageInput[],
    options?: PredictOptions,
  ): Promise<readonly (readonly Prediction[])[]>;
  async predict(
    given: ImageInput | readonly ImageInput[],
    { top = this.classNames.length, mirror = false }: PredictOptions = {},
  ): Promise<readonly Prediction[] | readonly (readonly Prediction[])[]> {
    this.#predictor.requireOpen();
    if (!Number.isInteger(top) || top < 1) {
      throw new ConfigError(`\`top\` is ${said(top)}: expected a whole number from 1, of classes to name`);
    }
    const images: readonly ImageInput[] = Array.isArray(given) ? given : [given as ImageInput];
    const isOne = !Array.isArray(given);
    const numbered = images.map((image, i) => ({
      image,
      what: isOne ? 'the image' : `image ${i + 1} of ${images.length}`,
    }));
    const read = ({ image, what }: (typeof numbered)[number]) => readImage(image, this, this.#decoder, what);
    const found: (readonly Prediction[])[] = [];
    let batch: Uint8Array[] = [];
    const ask = async () => {
      for (const row of await this.#predictor.predict(batch, mirror)) found.push(this.#ranked(row, top));
      batch = [];
    };
    for await (const [, bytes] of inOrder(numbered, this.#decoder.atOnce, read)) {
      batch.push(bytes);
      if (batch.length === MOST_AT_ONCE) await ask();
    }
    if (batch.length > 0) await ask();
    return isOne ? found[0]! : found;
  }

  /** Frees the memory and the threads, after what is at work. Whatever is asked afterwards is an error. */
  close(): Promise<void> {
    return this.#predictor.close();
  }

  /** `await using net = await loadRun(…)` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws EngineError after `close`. */
  protected requireOpen(): void {
    this.#predictor.requireOpen();
  }

  #ranked(probabilities: Float64Array, top: number): readonly Prediction[] {
    return this.classNames
      .map((label, i) => ({ label, probability: probabilities[i]! }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
  }
}
