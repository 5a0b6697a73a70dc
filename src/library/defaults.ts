import { suitableSize } from '../data/fit-image.ts';
import type { Model } from '../model/module.ts';
import type { ProgramData } from './fit-data.ts';

/** Where no recipe is named: it chooses batch, epochs and more by the images. */
export const DEFAULT_RECIPE = 'photos';

/** Height and width of images that do not say how large they are. */
const USUAL_SIZE = 48;

/**
 * Height and width of images where nothing is said: for a network of one's own their own where they are small squares,
 * else as suits them. Undefined of a data set by its name and of a folder: that shows when it is read.
 */
export function defaultSize(own: Model | undefined, data: string | ProgramData): number | undefined {
  if (typeof data === 'string') return undefined;
  const side = sideOf(data) ?? USUAL_SIZE;
  return own ? Math.min(side, USUAL_SIZE) : suitableSize(side);
}

function sideOf(data: ProgramData): number | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  if ('train' in data) return data.train.height === data.train.width ? data.train.height : undefined;
  if (!('shape' in data) || !Array.isArray(data.shape)) return undefined;
  const [, height, width] = data.shape;
  return height === width ? height : undefined;
}
