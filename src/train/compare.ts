import type { RunState } from './checkpoint.ts';
import { hasValidation } from './config.ts';
import type { CurvePoint } from './events.ts';

/** Mean and, of two values or more, sample standard deviation (n − 1). */
export interface Spread {
  readonly mean: number;
  readonly sd?: number;
}

/** @returns undefined of no values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

/** A run that NaN or infinity ended: an answer too, but none to take a mean of. */
export interface DivergedRun {
  readonly kind: 'diverged';
  readonly seed: number;
  readonly folder: string;
  readonly message: string;
}

/** What came out of a run that went to its end. */
export interface RunResult {
  readonly kind: 'finished';
  readonly seed: number;
  readonly folder: string;
  readonly epochs: number;
  /** Of the last epoch. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  /** Of the best epoch: by the validation images or, without such, by the test images themselves. */
  readonly bestTestAccuracy: number;
  /** Training steps only, as is the time. */
  readonly examplesPerSecond: number;
  readonly trainMs: number;
  readonly engine: string;
  readonly isa: string;
  readonly history: readonly CurvePoint[];
}

/** Whether there is nothing left to do. */
export function isFinished({ config, progress, last }: RunState): boolean {
  if (last?.testAccuracy === undefined) return false;
  // With validation images the test is the very last thing.
  return hasValidation(config) || progress.epoch >= config.epochs;
}

/** @param run one that is finished. */
export function resultOf(run: RunState, folder: string): RunResult {
  const { config, progress, last, best, engine, isa, history } = run;
  const { trainLoss, trainAccuracy, testAccuracy } = last!;
  return {
    kind: 'finished',
    seed: config.seed,
    folder,
    epochs: progress.epoch,
    trainLoss,
    trainAccuracy,
    testAccuracy: testAccuracy!,
    bestTestAccuracy: best!.testAccuracy!,
    examplesPerSecond: (1000 * progress.trainedExamples) / progress.trainMs,
    trainMs: progress.trainMs,
    engine,
    isa,
    history,
  };
}

const MEASURES = [
  'epochs',
  'trainLoss',
  'trainAccuracy',
  'testAccuracy',
  'bestTestAccuracy',
  'examplesPerSecond',
  'trainMs',
] as const;
export type Measure = (typeof MEASURES)[number];

/** A configuration's runs, and each measure over the seeds of those that finished: none where none did. */
export interface ConfigurationResult {
  readonly name: string;
  readonly runs: readonly RunResult[];
  readonly diverged: readonly DivergedRun[];
  readonly over: Readonly<Record<Measure, Spread | undefined>>;
}

export function summarize(name: string, all: readonly (RunResult | DivergedRun)[]): ConfigurationResult {
  const runs = all.filter((run) => run.kind === 'finished');
  const diverged = all.filter((run) => run.kind === 'diverged');
  const over = Object.fromEntries(
    MEASURES.map((measure) => [measure, spreadOf(runs.map((run) => run[measure]))]),
  ) as Record<Measure, Spread | undefined>;
  return { name, runs, diverged, over };
}

/** Test accuracies of a configuration less those of another with the same seed: what seeds share drops out. */
export interface PairedDifference {
  readonly of: string;
  readonly minus: string;
  readonly perSeed: readonly { readonly seed: number; readonly difference: number }[];
  readonly over: Spread;
}

/** Each configuration against the first, over the seeds with which both finished; left out where there is none. */
export function pairedDifferences(results: readonly ConfigurationResult[]): readonly PairedDifference[] {
  const [first, ...others] = results;
  return others.flatMap(({ name, runs }) => {
    const perSeed = runs.flatMap(({ seed, testAccuracy }) => {
      const other = first!.runs.find((run) => run.seed === seed);
      return other ? [{ seed, difference: testAccuracy - other.testAccuracy }] : [];
    });
    const over = spreadOf(perSeed.map(({ difference }) => difference));
    return over ? [{ of: name, minus: first!.name, perSeed, over }] : [];
  });
}
