import type { Model } from '../model/module.ts';
import { imageSizeOf } from '../model/zoo.ts';
import type { Overrides } from '../train/recipes.ts';
import { RECIPES } from '../train/recipes.ts';
import type { ProgramData } from './fit-data.ts';

/** What is not said of a training that says no recipe comes from this one. */
const RECIPE = 'quick';
/** Steps of an epoch that a small data set has at least: with fewer nothing is learned. */
const LEAST_STEPS = 10;
const LEAST_BATCH = 8;

/** What is not said of a run, for so many training images. One function, as the command line may come to know better. */
export function defaultSettings(images: number, { recipe, batch, augment }: Overrides): Overrides {
  if (recipe !== undefined) return {};
  const usual = RECIPES[RECIPE].batch;
  const fits = Math.max(LEAST_BATCH, Math.min(usual, Math.floor(images / LEAST_STEPS)));
  return {
    recipe: RECIPE,
    // A last batch of one image has no statistics on maps of one pixel.
    batch: batch ?? (images % fits === 1 ? fits + 1 : fits),
    augment: augment ?? [],
  };
}

/** Height and width of images: their own where they are small squares, else the network's, else the recipe's. */
export function defaultSize(name: string, own: Model | undefined, data: string | ProgramData): number {
  const side = sideOf(data);
  const usual = own ? RECIPES[RECIPE].size : imageSizeOf(name)!;
  return Math.min(side ?? RECIPES[RECIPE].size, usual);
}

function sideOf(data: string | ProgramData): number | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  if ('train' in data) return data.train.height === data.train.width ? data.train.height : undefined;
  if (!('shape' in data) || !Array.isArray(data.shape)) return undefined;
  const [, height, width] = data.shape;
  return height === width ? height : undefined;
}
