import { formatTable } from '../../src/cli/format.ts';
import type { MachinePeak } from '../../src/engine/engine.ts';
import type { EntrantResult } from './rounds.ts';

/** A part of the report of bench/gpu as lines for the terminal. */
export function linesOf(part: unknown): readonly string[] {
  if (isMeasured(part)) return formatTable(tableOf(part.results));
  if (isProfile(part)) return profileLines(part);
  const text = JSON.stringify(part, (_, value) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  );
  return [text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text];
}

const MOST_CHARACTERS = 1500;

function isMeasured(part: unknown): part is { readonly results: readonly EntrantResult[] } {
  return typeof part === 'object' && part !== null && 'results' in part;
}

/** The figures of bench/gpu/profile.ts that the terminal shows; the file has all. */
export interface GpuProfile {
  readonly dispatches: number;
  readonly encodeMs: number;
  readonly peak: MachinePeak;
  readonly total: { readonly ms: number; readonly ofPeak: number; readonly reached: number };
  readonly convolutions3x3: readonly {
    readonly kind: string;
    readonly flopsPerSecond: number;
    readonly ofPeak: number;
  }[];
}

function isProfile(part: unknown): part is GpuProfile {
  return typeof part === 'object' && part !== null && 'convolutions3x3' in part;
}

function profileLines({ dispatches, encodeMs, peak, total, convolutions3x3 }: GpuProfile): readonly string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const giga = (rate: number) => (rate / 1e9).toPrecision(4);
  return [
    `${dispatches} dispatches, encoded in ${encodeMs.toFixed(2)} ms`,
    `peaks: ${giga(peak.flopsPerSecond)} GFLOP/s, ${giga(peak.bytesPerSecond)} GB/s`,
    `all kernels: ${total.ms.toFixed(2)} ms, ${percent(total.ofPeak)} of the multiply-add peak, ${percent(total.reached)} of the roofline`,
    ...convolutions3x3.map(
      ({ kind, flopsPerSecond, ofPeak }) =>
        `3×3 ${kind}: ${giga(flopsPerSecond)} GFLOP/s, ${percent(ofPeak)} of the multiply-add peak`,
    ),
  ];
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
