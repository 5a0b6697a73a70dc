import type { EngineOptions } from '../compile.ts';
import { requireLabels, setsOf, type TrainTest } from '../data/dataset.ts';
import { compileRun } from './compile-run.ts';
import type { RunConfig } from './config.ts';
import { dataOf } from './run-data.ts';
import { modelOf } from './run-model.ts';
import type { TrainingRun } from './training-run.ts';

/** All parts of a run that do not require an engine. */
export type PreparedRun = Pick<TrainingRun, 'config' | 'model' | 'data' | 'compiled'>;

interface PrepareOptions extends EngineOptions {
  /** A run that differs only in its seed: its compiled network is reused if the numbers of images are equal. */
  readonly earlier?: PreparedRun | undefined;
}

/**
 * Compiles the network of a run for its data.
 * @throws DataError, ConfigError, ShapeError, MemoryLimitError
 */
export function prepareRun(
  config: RunConfig,
  all: TrainTest,
  { earlier, ...on }: PrepareOptions = {},
): PreparedRun {
  for (const set of setsOf(all)) requireLabels(set, config.classes);
  const data = dataOf(config, all);
  if (earlier && sameCounts(earlier.data, data)) return { ...earlier, config, data };
  const model = modelOf(config, data.train.channels);
  return { config, model, data, compiled: compileRun(config, model, data, on) };
}

function sameCounts(a: TrainTest, b: TrainTest): boolean {
  return (['train', 'test', 'validation'] as const).every((set) => a[set]?.count === b[set]?.count);
}
