import type { TrainTest } from '../data/dataset.ts';
import { sha256Of } from '../node/data/fingerprint.ts';
import { startedFrom, type WeightsSource } from '../run/weights-source.ts';
import { type RunConfig, requireJudge, runConfigSchema } from '../train/config.ts';
import { choosePhotosSettings } from '../train/photos.ts';
import { type ResolvedRecipe, requireConsistent } from '../train/recipes.ts';
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
  const { augment, normalize, ...asked } = recipe;
  // A folder's own validation images choose: none are held out beside them.
  const settings = { ...asked, validate: data.validation ? undefined : asked.validate };
  requireJudge(settings.patience, settings.validate !== undefined || data.validation !== undefined);
  const chosen = recipe.recipe === 'photos' ? choosePhotosSettings(settings, data.train) : {};
  requireConsistent({ ...settings, ...chosen });
  return runConfigSchema.parse({
    ...settings,
    ...chosen,
    classes: recipe.classes ?? data.train.classNames.length,
    dataSha256: sha256Of(data),
    ...(from && { startedFrom: startedFrom(from) }),
    ...dataConfig(recipe, recipe.data, data, recipe.limit),
  });
}
