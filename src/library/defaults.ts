import { suitableSize } from '../data/fit-image.ts';
import type { Model } from '../model/module.ts';
import type { ProgramData } from './fit-data.ts';

/** The default recipe: it chooses batch size, epochs and other settings from the images. */
export const DEFAULT_RECIPE = 'photos';

/** Height and width if the size of the images is unknown. */
const USUAL_SIZE = 48;

/**
 * Default height and width in pixels. Custom networks use small square images at their own size; otherwise the
 * size depends on the images. Undefined for data set names and folders, whose size is known only after opening.
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
