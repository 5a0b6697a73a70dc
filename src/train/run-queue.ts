import type { Session } from '../engine/engine.ts';

/**
 * The unfinished runs of a session, oldest first: as many as it allows, so that a GPU computes while the host handles the
 * results of the run before. Results are handled in the order of the runs. With an engine that allows one run, each is
 * handled before the next begins.
 */
export class RunQueue<T> {
  readonly #most: number;
  readonly #unfinished: { readonly result: Promise<T>; readonly handle: (result: T) => void }[] = [];

  /** @param most runs at once. */
  constructor({ runsAtOnce = 1 }: Pick<Session, 'runsAtOnce'>, most = runsAtOnce) {
    this.#most = Math.min(most, runsAtOnce);
  }

  /** Number of unfinished runs. */
  get length(): number {
    return this.#unfinished.length;
  }

  /** Adds a run that was begun. @param handle is called with its result by one of the methods below. */
  add(result: Promise<T>, handle: (result: T) => void): void {
    result.catch(() => {}); // The error is thrown when this run is handled.
    this.#unfinished.push({ result, handle });
  }

  /** Resolves when another run may begin. @throws the error of a run */
  async room(): Promise<void> {
    while (this.#unfinished.length >= this.#most) await this.#handleOldest();
  }

  /** Resolves when all runs are finished and handled. @throws the error of a run */
  async finish(): Promise<void> {
    while (this.#unfinished.length > 0) await this.#handleOldest();
  }

  /** After an error: resolves when no run is unfinished, without handling any. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#unfinished.splice(0).map(({ result }) => result));
  }

  async #handleOldest(): Promise<void> {
    const { result, handle } = this.#unfinished[0]!;
    const value = await result;
    this.#unfinished.shift();
    handle(value);
  }
}
