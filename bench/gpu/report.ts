import { formatTable } from '../../src/cli/format.ts';
import type { EntrantResult } from './rounds.ts';

/** A part of the report of bench/gpu as lines for the terminal. */
export function linesOf(part: unknown): readonly string[] {
  if (isMeasured(part)) return formatTable(tableOf(part.results));
  const text = JSON.stringify(part, (_, value) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  );
  return [text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text];
}

const MOST_CHARACTERS = 1500;

function isMeasured(part: unknown): part is { readonly results: readonly EntrantResult[] } {
  return typeof part === 'object' && part !== null && 'results' in part;
}

/** A row per contender: its speed, the spread of its times, and its error, if any. */
export function tableOf(results: readonly EntrantResult[]): readonly (readonly string[])[] {
  const rows = results.map(({ name, examplesPerSecond, medianMs, bestMs, worstMs, stepMs, error = '' }) => [
    name,
    examplesPerSecond?.toFixed(1) ?? '',
    medianMs?.toFixed(2) ?? '',
    bestMs?.toFixed(2) ?? '',
    worstMs?.toFixed(2) ?? '',
    `${stepMs.length}`,
    error.split('\n')[0]!,
  ]);
  return [['contender', 'examples/s', 'median ms', 'best ms', 'worst ms', 'rounds', ''], ...rows];
}
