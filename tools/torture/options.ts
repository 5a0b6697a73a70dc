import type { Kind } from './report.ts';

export interface TortureOptions {
  /** Everything that is random comes from it. */
  readonly seed: number;
  /** Time for all kinds together. */
  readonly minutes: number;
  readonly only: readonly Kind[];
  /** An attempt of an earlier run, as that named it: nothing else is tried, and the kinds above are ignored. */
  readonly reproduce?: string | undefined;
  /** At most so many calls that fail, kills, rounds of a race, situations, power losses, files of each format; unless given, what time allows. */
  readonly attempts?: Partial<Readonly<Record<Kind, number>>>;
  /** Ends it early. What is being tried then counts as not tried: Ctrl-C reaches its processes too. */
  readonly signal?: AbortSignal;
  /** Told of each new sort of fault. */
  readonly tell?: (line: string) => void;
}

/** What was asked for does not exist. */
export class TortureUsageError extends Error {
  override readonly name = 'TortureUsageError';
}

/** What one kind of torture has to keep to. */
export interface Bounds {
  readonly seed: number;
  /** Of this kind. */
  readonly reproduce?: string | undefined;
  /** Whether time is up, or so many attempts are enough. */
  readonly isOver: (attempts: number) => boolean;
}
