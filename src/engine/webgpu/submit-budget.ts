/** Longest part of a step in milliseconds that is submitted at once: watchdogs of drivers end those of some seconds. */
export const LONGEST_SUBMIT_MS = 200;
/** A typical card's estimated seconds per millisecond of an unknown one: as if it were a thousand times as slow. */
const FIRST_RATE = 1e-6;
/** Weight of the latest measurement. */
const LATEST = 0.5;
/** Parts that are measured before the rate is trusted. */
const MEASURED_PARTS = 8;

/** A part of a program's dispatches, [first, last). */
export interface SubmitPart {
  readonly first: number;
  readonly last: number;
  /** Estimated seconds on a typical card. */
  readonly seconds: number;
  /** Whether the caller should wait for it and report its time. */
  readonly isMeasured: boolean;
}

/**
 * Cuts programs into parts that take about LONGEST_SUBMIT_MS at most. How fast the device is, in estimated seconds of
 * a typical card per millisecond, is learnt from the first parts.
 */
export class SubmitBudget {
  readonly now: () => number;
  #rate = FIRST_RATE;
  #measured = 0;

  /** @param now milliseconds. */
  constructor(now: () => number) {
    this.now = now;
  }

  /** @param seconds estimated for each dispatch. The rate may change while the parts are taken. */
  *parts(seconds: readonly number[]): Generator<SubmitPart> {
    let first = 0;
    while (first < seconds.length) {
      const most = this.#rate * LONGEST_SUBMIT_MS;
      let last = first;
      let sum = 0;
      while (last < seconds.length && (last === first || sum + seconds[last]! <= most))
        sum += seconds[last++]!;
      const isMeasured = this.#measured < MEASURED_PARTS;
      yield { first, last, seconds: sum, isMeasured };
      first = last;
    }
  }

  /** Reports how long a part took. */
  measured(seconds: number, durationMs: number): void {
    if (!(seconds > 0 && durationMs > 0)) return;
    const rate = seconds / durationMs;
    this.#rate = this.#measured === 0 ? rate : (1 - LATEST) * this.#rate + LATEST * rate;
    this.#measured++;
  }
}
