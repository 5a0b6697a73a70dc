import type { Points } from '../charts/chart-data.ts';
import type { ComparedRun } from './compare.tsx';

/** Runs that differ in their seed alone. */
export interface RunGroup {
  readonly name: string;
  readonly runs: readonly ComparedRun[];
  /** Of the accuracy after each epoch. */
  mean(): Points;
  band(): Points;
}

/** What differs from run to run without being chosen. */
const NOT_CHOSEN = ['seed', 'dataSha256', 'testSha256', 'validationSha256'];

export function groupsOf(compared: readonly ComparedRun[]): readonly RunGroup[] {
  const groups = new Map<string, ComparedRun[]>();
  for (const each of compared) {
    const { start } = each.view;
    const config = Object.entries(start?.config ?? { id: each.run.id }).filter(
      ([name]) => !NOT_CHOSEN.includes(name),
    );
    const key = JSON.stringify(config);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map((runs) => ({
    name: runs[0]!.run.name,
    runs,
    mean: () =>
      pointsOver(runs, (values) => {
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        return [mean, mean];
      }),
    band: () => pointsOver(runs, (values) => [Math.min(...values), Math.max(...values)]),
  }));
}

function pointsOver(
  runs: readonly ComparedRun[],
  of: (values: readonly number[]) => readonly [number, number],
): Points {
  const byEpoch = new Map<number, number[]>();
  for (const { view } of runs) {
    for (const { epoch, validationAccuracy, testAccuracy } of view.epochs)
      byEpoch.set(epoch + 1, [...(byEpoch.get(epoch + 1) ?? []), validationAccuracy ?? testAccuracy ?? 0]);
  }
  const sorted = [...byEpoch].sort(([a], [b]) => a - b);
  const ranges = sorted.map(([, values]) => of(values));
  return { x: sorted.map(([x]) => x), least: ranges.map(([a]) => a), greatest: ranges.map(([, b]) => b) };
}

/** The best accuracies of two groups, seed by seed. */
export function pairsOf(
  groups: readonly RunGroup[],
): readonly { readonly a: string; readonly b: string; readonly mean: number; readonly count: number }[] {
  const [first, ...others] = groups;
  if (!first) return [];
  const bestBySeed = ({ runs }: RunGroup) =>
    new Map(runs.map(({ run, view }) => [view.start?.config.seed, run.best ?? Number.NaN] as const));
  const base = bestBySeed(first);
  return others.flatMap((other) => {
    const differences = [...bestBySeed(other)].flatMap(([seed, best]) => {
      const against = base.get(seed);
      return against === undefined || Number.isNaN(best - against) ? [] : [best - against];
    });
    if (differences.length < 2) return [];
    const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length;
    return [{ a: other.name, b: first.name, mean, count: differences.length }];
  });
}
