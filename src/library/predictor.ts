import type { Dataset } from '../data/dataset.ts';
import { type Engine, EngineError, type Session } from '../engine/engine.ts';
import { testTransforms } from '../train/data-config.ts';
import { evaluate } from '../train/evaluate.ts';
import { evaluateMirrored } from '../train/evaluate-mirrored.ts';
import { softmax } from '../train/scorecard.ts';
import { openTrained, type Trained } from '../train/trained.ts';
import { joined } from './joined.ts';
import { WorkQueue } from './work-queue.ts';

/** Largest batch: a compromise between speed and memory. */
export const MOST_AT_ONCE = 32;

/** An engine that is opened on first use. */
export interface EngineSource {
  open(): Promise<Engine>;
  /** Closes the engine if `open` opened it; an engine passed by the caller stays open. */
  close(): Promise<void>;
}

/** Runs a trained network on images. Sessions are opened on demand and cached: one per batch size. */
export class Predictor {
  readonly #trained: Trained;
  readonly #engine: EngineSource;
  readonly #sessions = new Map<number, Session>();
  readonly #queue = new WorkQueue();
  #closing: Promise<void> | undefined;

  constructor(trained: Trained, engine: EngineSource) {
    this.#trained = trained;
    this.#engine = engine;
  }

  /** @throws EngineError after `close`. */
  requireOpen(): void {
    if (this.#closing) throw new EngineError('the network is closed: load it again to use it');
  }

  /**
   * Probabilities of the classes for each image, [classes]. Concurrent calls are queued.
   * @param images in the format of `readImage`. @param mirror averages over each image and its horizontal flip.
   */
  predict(images: readonly Uint8Array[], mirror: boolean): Promise<readonly Float64Array[]> {
    this.requireOpen();
    return this.#queue.run(async () => {
      const found: Float64Array[] = [];
      for (let at = 0; at < images.length; ) {
        const count = batchFor(images.length - at);
        found.push(...(await this.#batch(images.slice(at, at + count), mirror)));
        at += count;
      }
      return found;
    });
  }

  /** Waits for pending calls, then frees all memory. */
  close(): Promise<void> {
    this.#closing ??= this.#queue.run(async () => {
      for (const session of this.#sessions.values()) await session.close();
      this.#sessions.clear();
      await this.#engine.close();
    });
    return this.#closing;
  }

  async #batch(images: readonly Uint8Array[], mirror: boolean): Promise<readonly Float64Array[]> {
    const { config, model, classNames } = this.#trained;
    const { size } = config;
    const count = images.length;
    const dataset: Dataset = {
      ...{ name: 'images', count, height: size, width: size, channels: model.channels },
      pixels: joined(images),
      labels: new Uint8Array(count), // Unknown; the loss is not used.
      classNames,
    };
    const found: Float64Array[] = [];
    await (mirror ? evaluateMirrored : evaluate)(await this.#session(count), dataset, {
      ...{ size: [size, size], batch: count },
      ...testTransforms(config),
      onBatch: (_, labels, logits) => {
        const classes = logits.length / labels.length;
        for (let i = 0; i < labels.length; i++)
          found.push(softmax(logits.subarray(i * classes, (i + 1) * classes)));
      },
    });
    return found;
  }

  async #session(batch: number): Promise<Session> {
    const known = this.#sessions.get(batch);
    if (known) return known;
    const session = await openTrained(this.#trained, await this.#engine.open(), { count: batch, batch });
    this.#sessions.set(batch, session);
    return session;
  }
}

/** The largest power of two up to `images`, so at most six sessions are needed for any number of images. */
function batchFor(images: number): number {
  let batch = 1;
  while (2 * batch <= Math.min(images, MOST_AT_ONCE)) batch *= 2;
  return batch;
}
