import { IMAGENET_CLASSES } from '../data/imagenet-classes.ts';
import type { TrainedImages } from '../io/model-card.ts';
import { imageSizeOf } from '../model/zoo.ts';
import type { Overrides, Recipe } from './recipes.ts';

/** What is known of weights that a run begins with. */
interface KnownWeights {
  readonly network?: Pick<Recipe, 'model' | 'size'> | undefined;
  readonly images?: TrainedImages | undefined;
}

/** Below this a network for ImageNet has next to nothing left of a picture where its last pool reads it. */
const LEAST_SIZE = 64;

/** Whether weights are for ImageNet's classes: they then expect its pictures, and serve to be fine-tuned. */
export function isForImageNet({ images }: KnownWeights): boolean {
  const { classNames } = images ?? {};
  return (
    classNames?.length === IMAGENET_CLASSES.length &&
    classNames.every((name, label) => name === IMAGENET_CLASSES[label])
  );
}

/**
 * What a run is asked for that begins with weights: their network, and the recipe `fine-tune` for those of ImageNet where
 * no recipe is named. A recipe that is named says the size itself.
 */
export function settingsFrom(weights: KnownWeights, given: Overrides): Overrides {
  const { network } = weights;
  if (!network || !isForImageNet(weights)) return { ...network, ...given };
  return { model: network.model, recipe: 'fine-tune', ...given };
}

/**
 * The size that pictures are given to fine-tune a network: its own or, where pictures are smaller, theirs, since
 * enlarging them costs time and shows nothing new.
 * @param side of the pictures, the shorter one, in pixels.
 */
export function fineTuningSize(model: string, side: number): number {
  const own = imageSizeOf(model) ?? LEAST_SIZE;
  return Math.min(own, Math.max(LEAST_SIZE, Math.round(side)));
}
