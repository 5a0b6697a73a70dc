import type { EngineOptions } from '../compile.ts';
import { requireLabels, setsOf, type TrainTest } from '../data/dataset.ts';
import type { Model } from '../model/module.ts';
import { imageSizeOf, modelByName } from '../model/zoo.ts';
import { ArgumentError } from '../tensor/argument.ts';
import { compileRun } from '../train/compile-run.ts';
import { ConfigError, type RunConfig } from '../train/config.ts';
import { dataOf } from '../train/run-data.ts';
import type { TrainingRun } from '../train/training-run.ts';

/** Everything of a run that is known before an engine is opened. */
export type PreparedRun = Pick<TrainingRun, 'config' | 'model' | 'data' | 'compiled'>;

interface PrepareOptions extends EngineOptions {
  /** A run that differs in its seed alone: what it compiled serves again where it has as many images. */
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
  return (['train', 'test', 'validation'] as const).every((half) => a[half]?.count === b[half]?.count);
}

/** @throws ConfigError when the run is of a model that does not exist here, or has no dropout and is to have it. */
export function modelOf({ model: name, classes, dropout }: RunConfig, channels: number): Model {
  try {
    return modelByName(name, { channels, classes, ...(dropout !== undefined && { dropout }) });
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const setting = imageSizeOf(name) === undefined ? `\`model\` ${name}` : `\`dropout\` ${dropout}`;
    throw new ConfigError(`${setting}: ${error.message}`);
  }
}
