import type { MinMaxPyramid } from '../../src/live/pyramid.ts';

/** Points of a line or of a band, by x. */
export interface Points {
  readonly x: readonly number[];
  readonly least: readonly (number | null)[];
  readonly greatest: readonly (number | null)[];
}

export interface Stretch {
  /** What is seen: from, to. */
  readonly from: number;
  readonly to: number;
  /** Places for points across the picture. */
  readonly places: number;
}

/**
 * A column between two places of the x axis, with no more points than there are places: each has the least and the
 * greatest of what it stands for, so that no spike is lost.
 * @param xOf the place of a step's number, which grows by the same amount with each step.
 */
export function pointsOf(
  column: MinMaxPyramid,
  firstStep: number,
  stepsPerUnit: number,
  { from, to, places }: Stretch,
): Points {
  const indexOf = (x: number) => x * stepsPerUnit - firstStep;
  const [first, last] = [
    Math.max(0, Math.floor(indexOf(from)) - 1),
    Math.min(column.length, Math.ceil(indexOf(to)) + 2),
  ];
  const count = last - first;
  if (count <= 0) return { x: [], least: [], greatest: [] };
  // Buckets begin at multiples of their width: what is drawn does not flicker while steps are added.
  const width = Math.max(1, 2 ** Math.ceil(Math.log2(count / places)));
  const [x, least, greatest]: [number[], (number | null)[], (number | null)[]] = [[], [], []];
  for (let bucket = Math.floor(first / width); bucket * width < last; bucket++) {
    const [begin, end] = [Math.max(0, bucket * width), Math.min((bucket + 1) * width, column.length)];
    if (begin >= end) continue;
    const range = column.range(begin, end);
    x.push((firstStep + (begin + end - 1) / 2) / stepsPerUnit);
    least.push(Number.isNaN(range.least) ? null : range.least);
    greatest.push(Number.isNaN(range.greatest) ? null : range.greatest);
  }
  return { x, least, greatest };
}

/** An exponential mean over points, of weight 0.9: what is smoothed is what is seen. */
export function smoothed(values: readonly (number | null)[]): readonly (number | null)[] {
  let mean: number | undefined;
  return values.map((value) => {
    if (value === null) return null;
    mean = mean === undefined ? value : 0.9 * mean + 0.1 * value;
    return mean;
  });
}

/** Lowest, highest, first and last of a line, for a sentence about it. */
export function extentOf(values: readonly (number | null)[]) {
  const there = values.filter((value) => value !== null);
  if (there.length === 0) return undefined;
  const [least, greatest] = there.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as [number, number],
  );
  return { first: there[0]!, last: there.at(-1)!, least, greatest };
}
