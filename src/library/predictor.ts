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

/** Runs a trained network on images. Sessions are opened on demand and cached: one for each batch size
 * and set of outputs. */
export class Predictor {
  readonly #trained: Trained;
  readonly #engine: EngineSource;
  readonly #sessions = new Map<string, Session>();
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
    return this.#all(images, { mirror, maps: [] }, (output) => softmax(output('logits')));
  }

  /**
   * Logits of each image, and the feature maps of these names (`TraceOptions.outputs`), which `read` may keep.
   * @param read is given a function from the name of an output to its numbers for one image: [classes] for `logits`,
   * [height, width, channels] for feature maps.
   */
  inspect<T>(
    images: readonly Uint8Array[],
    maps: readonly string[],
    read: ReadImage<T>,
  ): Promise<readonly T[]> {
    return this.#all(images, { mirror: false, maps }, read);
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

  #all<T>(images: readonly Uint8Array[], how: How, read: ReadImage<T>): Promise<readonly T[]> {
    this.requireOpen();
    return this.#queue.run(async () => {
      const found: T[] = [];
      for (let at = 0; at < images.length; ) {
        const count = batchFor(images.length - at);
        await this.#batch(images.slice(at, at + count), how, (output) => found.push(read(output)));
        at += count;
      }
      return found;
    });
  }

  async #batch(images: readonly Uint8Array[], how: How, read: ReadImage<unknown>): Promise<void> {
    const { config, model, classNames } = this.#trained;
    const { size } = config;
    const count = images.length;
    const dataset: Dataset = {
      ...{ name: 'images', count, height: size, width: size, channels: model.channels },
      pixels: joined(images),
      labels: new Uint8Array(count), // Unknown; the loss is not used.
      classNames,
    };
    const session = await this.#session(count, how.maps);
    await (how.mirror ? evaluateMirrored : evaluate)(session, dataset, {
      ...{ size: [size, size], batch: count },
      ...testTransforms(config),
      onBatch: (_, labels, logits, outputs) => {
        for (let i = 0; i < labels.length; i++) {
          read((name) => {
            const all = name === 'logits' ? logits : outputs.get(name)!;
            const each = all.length / labels.length;
            return all.subarray(i * each, (i + 1) * each);
          });
        }
      },
    });
  }

  async #session(batch: number, maps: readonly string[]): Promise<Session> {
    const key = [batch, ...maps].join();
    const known = this.#sessions.get(key);
    if (known) return known;
    const of = { count: batch, batch, maps };
    const session = await openTrained(this.#trained, await this.#engine.open(), of);
    this.#sessions.set(key, session);
    return session;
  }
}

/** How images are evaluated. */
interface How {
  /** Averages over each image and its horizontal flip. */
  readonly mirror: boolean;
  /** Feature maps to return. */
  readonly maps: readonly string[];
}

/** Reads the outputs of one image, by name. */
type ReadImage<T> = (output: (name: string) => Float32Array | Float64Array) => T;

/** The largest power of two up to `images`, so at most six sessions are needed for any number of images. */
function batchFor(images: number): number {
  let batch = 1;
  while (2 * batch <= Math.min(images, MOST_AT_ONCE)) batch *= 2;
  return batch;
}
