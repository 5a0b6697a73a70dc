import type { WeightsReport } from '../io/match-weights.ts';

const LISTED = 10;

/** The report with truncated lists and their lengths. */
export function reportAsJson({ leftOver, ...report }: WeightsReport) {
  return { ...report, leftOver: { count: leftOver.length, names: leftOver.slice(0, LISTED) } };
}
