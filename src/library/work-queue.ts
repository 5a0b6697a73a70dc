/** Pieces of work that are done one after the other, in the order in which they came. */
export class WorkQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as the work does; a failure does not stop what waits behind it. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
