/** Holds a run back between two steps for as long as it is paused. */
export class PauseGate {
  #waiting: { readonly promise: Promise<void>; readonly open: () => void } | undefined;

  /** Whether the run is held back. */
  get isPaused(): boolean {
    return this.#waiting !== undefined;
  }

  /** Holds the run back before its next step. */
  pause(): void {
    if (this.#waiting) return;
    let open = () => {};
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#waiting = { promise, open };
  }

  /** Lets the run go on. */
  resume(): void {
    this.#waiting?.open();
    this.#waiting = undefined;
  }

  /** Resolves when the run may go on, or shall end. */
  async wait(signal?: AbortSignal): Promise<void> {
    while (this.#waiting && !signal?.aborted) {
      const { promise, open } = this.#waiting;
      signal?.addEventListener('abort', open, { once: true });
      await promise;
      signal?.removeEventListener('abort', open);
    }
  }
}
