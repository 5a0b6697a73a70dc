/** Estimates the remaining time from the last steps (a machine's speed changes) and the last evaluation. */
export class Pace {
  readonly #recent: number[] = [];
  #evaluationMs: number | undefined;

  addStep(ms: number): void {
    this.#recent.push(ms);
    if (this.#recent.length > 20) this.#recent.shift();
  }

  addEvaluation(ms: number): void {
    this.#evaluationMs = ms;
  }

  /**
   * Milliseconds for this many steps and evaluations; before the first evaluation, an evaluation batch counts as a
   * third of a step.
   */
  left(steps: number, evaluations: number, evaluationBatches: number): number {
    const step = this.#recent.reduce((sum, ms) => sum + ms, 0) / Math.max(1, this.#recent.length);
    return steps * step + evaluations * (this.#evaluationMs ?? (evaluationBatches * step) / 3);
  }
}
