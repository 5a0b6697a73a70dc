import { formatDuration } from '../../src/cli/format.ts';

/** Prints the progress of a benchmark to stderr: `round 3 of 7, 40 s left`. */
export class Progress {
  readonly #unit: string;
  readonly #total: number;
  readonly #startedMs = performance.now();
  #done = 0;

  /** @param unit what is counted: `round`, `run`, … */
  constructor(unit: string, total: number) {
    this.#unit = unit;
    this.#total = total;
  }

  /** Counts one more unit as done, or all up to `done`. Assumes that the rest takes as long per unit as those before. */
  advance(note = '', done = this.#done + 1): void {
    this.#done = done;
    const leftMs = ((performance.now() - this.#startedMs) / done) * (this.#total - done);
    const left = done < this.#total ? `, ${formatDuration(leftMs)} left` : '';
    process.stderr.write(`${this.#unit} ${done} of ${this.#total}${note && `: ${note}`}${left}\n`);
  }
}
