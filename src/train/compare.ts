import type { RunState } from './checkpoint.ts';
import { hasValidation } from './config.ts';
import type { CurvePoint } from './events.ts';

/** Mean and, for two values or more, sample standard deviation (n − 1). */
export interface Spread {
  readonly mean: number;
  readonly sd?: number;
}

/** @returns undefined without values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

/** A run that NaN or infinity ended: it is reported, but not included in any mean. */
export interface DivergedRun {
  readonly kind: 'diverged';
  readonly seed: number;
  readonly folder: string;
  readonly message: string;
}

/** Results of a finished run. */
export interface RunResult {
  readonly kind: 'finished';
  readonly seed: number;
  readonly folder: string;
  readonly epochs: number;
  /** Mean of the last epoch. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  /** Of the best epoch, selected by the validation images or, without them, by the test images themselves. */
  readonly bestTestAccuracy: number;
  /** Training steps only, as for the time. */
  readonly examplesPerSecond: number;
  readonly trainMs: number;
  readonly engine: string;
  readonly isa: string;
  readonly history: readonly CurvePoint[];
}

/** True if a run has nothing left to do. */
export function isFinished({ config, progress, last }: RunState): boolean {
  if (last?.testAccuracy === undefined) return false;
  // With validation images, the test comes last.
  return hasValidation(config) || progress.epoch >= config.epochs;
}

/** @param run a finished run. */
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

/**
 * A configuration's runs, and the mean and deviation of each measure over the seeds that finished; absent if none
 * did.
 */
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

/**
 * Test accuracies of a configuration minus those of another with the same seed: this removes variation that both
 * share.
 */
export interface PairedDifference {
  readonly of: string;
  readonly minus: string;
  readonly perSeed: readonly { readonly seed: number; readonly difference: number }[];
  readonly over: Spread;
}

/** Each configuration compared with the first, over the seeds that finished with both; omitted if there are none. */
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
