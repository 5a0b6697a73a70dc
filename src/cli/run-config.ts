import type { TrainTest } from '../data/dataset.ts';
import { imageFolderOf } from '../data/dataset-names.ts';
import { sha256Of, sha256OfDataset } from '../node/data/fingerprint.ts';
import type { RunConfig } from '../train/config.ts';
import { type DataOptions, newRunConfig } from '../train/new-run.ts';
import type { ResolvedRecipe } from '../train/recipes.ts';
import type { WeightsSource } from '../train/weights-source.ts';
import type { EngineName } from './engines.ts';

/** The options of a command that trains: settings of a run, folders and engine. */
export interface RunOptions extends Partial<Omit<RunConfig, keyof DataOptions>>, DataOptions {
  readonly dataDir?: string;
  readonly engine: EngineName;
  readonly threads: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** Completes a recipe with settings that depend on the data. @param from initial weights of the run. */
export function completeRecipe(recipe: ResolvedRecipe, data: TrainTest, from?: WeightsSource): RunConfig {
  const isFolder = imageFolderOf(recipe.data) !== undefined;
  const hashes = {
    data: sha256Of(data),
    ...(isFolder && { test: sha256OfDataset(data.test) }),
    ...(isFolder && data.validation && { validation: sha256OfDataset(data.validation) }),
  };
  return newRunConfig(recipe, data, hashes, from);
}
