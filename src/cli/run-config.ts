import { DataError, type TrainTest } from '../data/dataset.ts';
import { sha256Of } from '../data/fingerprint.ts';
import { MODEL_NAMES } from '../model/zoo.ts';
import { type RunConfig, runConfigSchema } from '../train/config.ts';
import type { ResolvedRecipe } from '../train/recipes.ts';
import { UsageError } from './errors.ts';

/** A recipe with what the data know. */
export function completeRecipe(recipe: ResolvedRecipe, data: TrainTest): RunConfig {
  const classes = recipe.classes ?? data.train.classNames.length;
  return runConfigSchema.parse({ ...recipe, classes, dataSha256: sha256Of(data) });
}

/** @throws UsageError */
export function requireModel(name: string): void {
  if (MODEL_NAMES.includes(name)) return;
  throw new UsageError(`unknown model ${name}: expected --model ${MODEL_NAMES.join(', ')}`);
}

/** @throws DataError when a label is of no class. */
export function requireLabels({ classes }: RunConfig, { train: training, test }: TrainTest): void {
  for (const { labels, name } of [training, test]) {
    const wrong = labels.findIndex((label) => label >= classes);
    if (wrong >= 0) {
      throw new DataError(
        `${name}: label ${labels[wrong]} of image ${wrong} is beyond the ${classes} classes`,
      );
    }
  }
}
