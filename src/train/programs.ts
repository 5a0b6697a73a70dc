import type { ProgramRequest } from '../compile.ts';
import type { Mode, TraceOptions } from '../model/trace.ts';

/** Batches of one data set: all alike but the last. */
export interface Batches {
  readonly count: number;
  readonly batch: number;
}

/** The programs a data set needs: one for full batches, one for a short last batch. Named by `programName`. */
export function programsFor(
  mode: Mode,
  { count, batch }: Batches,
  options: TraceOptions = {},
): Record<string, ProgramRequest> {
  const sizes = new Set([Math.min(count, batch), count % batch || Math.min(count, batch)]);
  return Object.fromEntries(
    [...sizes].map((size) => [programName(mode, size), { ...options, batch: size, mode }]),
  );
}

export function programName(mode: Mode, size: number): string {
  return `${mode} ${size}`;
}
