import { IMAGENET_CLASSES } from '../data/imagenet-classes.ts';
import type { TrainedImages } from '../io/model-card.ts';
import { imageSizeOf } from '../model/zoo.ts';
import type { Overrides, Recipe } from './recipes.ts';

/** Known properties of the weights that a run starts from. */
interface KnownWeights {
  readonly network?: Pick<Recipe, 'model' | 'size'> | undefined;
  readonly images?: TrainedImages | undefined;
}

/** Least image size: with smaller images, the last feature maps of an ImageNet network have almost no pixels left. */
const LEAST_SIZE = 64;

/**
 * True if weights are for ImageNet's classes: they then expect ImageNet's images, and are suitable for fine-tuning.
 */
export function isForImageNet({ images }: KnownWeights): boolean {
  const { classNames } = images ?? {};
  return (
    classNames?.length === IMAGENET_CLASSES.length &&
    classNames.every((name, label) => name === IMAGENET_CLASSES[label])
  );
}

/**
 * Settings of a run that starts from weights: their network, and the recipe `fine-tune` for ImageNet weights if no
 * recipe is named. A named recipe sets the size itself.
 */
export function settingsFrom(weights: KnownWeights, given: Overrides): Overrides {
  const { network } = weights;
  if (!network || !isForImageNet(weights)) return { ...network, ...given };
  return { model: network.model, recipe: 'fine-tune', ...given };
}

/**
 * Image size for fine-tuning a network: its own or, for smaller images, theirs, since enlarging them costs time and
 * adds no information.
 * @param side of the images, the shorter one, in pixels.
 */
export function fineTuningSize(model: string, side: number): number {
  const own = imageSizeOf(model) ?? LEAST_SIZE;
  return Math.min(own, Math.max(LEAST_SIZE, Math.round(side)));
}
