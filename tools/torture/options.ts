import type { Kind } from './report.ts';

export interface TortureOptions {
  /** Seed of all random numbers. */
  readonly seed: number;
  /** Total time of all kinds. */
  readonly minutes: number;
  readonly only: readonly Kind[];
  /** The id of an attempt from an earlier run; only it is tried, and `only` is ignored. */
  readonly reproduce?: string | undefined;
  /**
   * Maximum number of failed calls, kills, races, situations, power losses, files of each format. Default: limited
   * by time.
   */
  readonly attempts?: Partial<Readonly<Record<Kind, number>>>;
  /** Ends the tests early. The current attempt does not count, because Ctrl-C also reaches its processes. */
  readonly signal?: AbortSignal;
  /** Called for each new kind of fault. */
  readonly tell?: (line: string) => void;
}

/** The requested kind or attempt does not exist. */
export class TortureUsageError extends Error {
  override readonly name = 'TortureUsageError';
}

/** Limits for one kind of test. */
export interface Bounds {
  readonly seed: number;
  /** The attempt to repeat, of this kind. */
  readonly reproduce?: string | undefined;
  /** Whether the time or the number of attempts is used up. */
  readonly isOver: (attempts: number) => boolean;
}
