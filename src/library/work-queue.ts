/** A queue of asynchronous jobs that run one at a time, in order. */
export class WorkQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles like the job; a failure does not affect later jobs. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
