import type { TrainTest } from '../data/dataset.ts';
import { sha256Of } from '../node/data/fingerprint.ts';
import { type RunConfig, runConfigSchema } from '../train/config.ts';
import type { ResolvedRecipe } from '../train/recipes.ts';
import type { WeightsSource } from '../train/weights-source.ts';
import { type DataOptions, dataConfig } from './data-options.ts';
import type { EngineName } from './engines.ts';

/** The options of a command that trains: single settings of a run, and where and with what it runs. */
export interface RunOptions extends Partial<Omit<RunConfig, keyof DataOptions>>, DataOptions {
  readonly dataDir?: string;
  readonly engine: EngineName;
  readonly threads: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** A recipe with what only the data know. @param from whose weights the run begins with. */
export function completeRecipe(recipe: ResolvedRecipe, data: TrainTest, from?: WeightsSource): RunConfig {
  const { augment, normalize, ...settings } = recipe;
  return runConfigSchema.parse({
    ...settings,
    classes: recipe.classes ?? data.train.classNames.length,
    dataSha256: sha256Of(data),
    ...(from && { startedFrom: { file: from.source, sha256: from.sha256 } }),
    ...dataConfig(recipe, recipe.data, data, recipe.limit),
  });
}
