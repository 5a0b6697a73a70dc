import { DataError, type TrainTest } from '../data/dataset.ts';
import { folderSide } from '../node/data/open-dataset.ts';
import { fineTuningSize, isForImageNet } from '../train/fine-tuning.ts';
import type { ResolvedRecipe } from '../train/recipes.ts';
import type { WeightsSource } from '../train/weights-source.ts';
import { say } from './terminal.ts';

/** Channels of ImageNet images. */
const CHANNELS = 3;

interface Given {
  readonly size?: number | undefined;
}

/** Adapts the size to a folder of images before it is read, because images are stored at the size of the run. */
export async function fittedToFolder(recipe: ResolvedRecipe, given: Given): Promise<ResolvedRecipe> {
  if (!isFitted(recipe, given)) return recipe;
  return fitted(recipe, await folderSide(recipe.data));
}

/** Adapts the size to other data sets, whose images have a fixed size. */
export function fittedToData(recipe: ResolvedRecipe, given: Given, { train }: TrainTest): ResolvedRecipe {
  return isFitted(recipe, given) ? fitted(recipe, Math.min(train.height, train.width)) : recipe;
}

/** Channels for reading a folder of images; undefined: depends on the images. */
export function channelsFor(source: WeightsSource | undefined): 3 | undefined {
  return source && isForImageNet(source) ? CHANNELS : undefined;
}

/** @throws DataError if ImageNet weights are used with grayscale images. */
export function requireColour(source: WeightsSource | undefined, { train }: TrainTest): void {
  if (channelsFor(source) === undefined || train.channels === CHANNELS) return;
  throw new DataError(
    `${train.name} has images of ${train.channels} channel${train.channels === 1 ? '' : 's'}, but the weights in ` +
      `${source!.source} are for 3: use a folder of images, which are read in color, or omit \`from\``,
  );
}

function isFitted({ recipe }: ResolvedRecipe, { size }: Given): boolean {
  return recipe === 'fine-tune' && size === undefined;
}

function fitted(recipe: ResolvedRecipe, side: number | undefined): ResolvedRecipe {
  if (side === undefined) return recipe;
  const size = fineTuningSize(recipe.model, side);
  if (size === recipe.size) return recipe;
  say(
    `the images are about ${Math.round(side)} pixels wide or high: using --size ${size} instead of ${recipe.size}`,
  );
  return { ...recipe, size };
}
