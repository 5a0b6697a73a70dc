/** Maximum duration of a submitted part in ms, because watchdogs of drivers end submits of some seconds. */
export const LONGEST_SUBMIT_MS = 200;
/**
 * Initial rate: estimated seconds on a typical GPU per ms on this one, assuming that it is a hundred times slower.
 */
const FIRST_RATE = 1e-5;
/** Weight of the latest measurement. */
const LATEST = 0.5;
/** Number of parts that are measured before the rate is used. */
const MEASURED_PARTS = 8;

/** A part of a program's dispatches, [first, last). */
export interface SubmitPart {
  readonly first: number;
  readonly last: number;
  /** Estimated seconds on a typical GPU. */
  readonly seconds: number;
  /** Whether the caller should wait for it and report its time. */
  readonly isMeasured: boolean;
}

/**
 * Divides programs into parts of at most about LONGEST_SUBMIT_MS. The speed of the device, in estimated seconds of
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
