import { classCounts } from '../data/classes.ts';
import type { Dataset } from '../data/dataset.ts';
import { suitableSize } from '../data/fit-image.ts';
import { validationImages } from '../data/validation-split.ts';
import { counted } from '../tensor/counted.ts';
import type { RunConfig } from './config.ts';

/** Settings that the recipe `photos` derives from the images. */
export const CHOSEN_SETTINGS = ['size', 'batch', 'epochs', 'balance'] as const;
type ChosenName = (typeof CHOSEN_SETTINGS)[number];
type Chosen = Pick<RunConfig, ChosenName>;
type Given = { readonly [Name in ChosenName]?: Chosen[Name] | undefined };

/** A value and its reason, as a phrase to print after it. */
interface Choice<Value> {
  readonly value: Value;
  readonly reason: string;
}

/**
 * Settings for an unknown set of images. The values were measured on small sets (docs/results/small-sets.md): the
 * number of steps of a run matters, not the number of epochs.
 * @param given settings that are already set. @param trained number of training images in each class, without
 * validation images.
 */
export function photosChoices(
  given: Given,
  dataset: Pick<Dataset, 'height' | 'width'>,
  trained: readonly number[],
): { readonly [Name in ChosenName]: Choice<Chosen[Name]> } {
  const images = trained.reduce((sum, count) => sum + count, 0);
  const usual = BATCHES.find(({ below }) => images < below)!.batch;
  // A last batch of one image has no batch statistics if maps have one pixel.
  const batch = given.batch ?? (images % usual === 1 ? usual + 1 : usual);
  const stepsPerEpoch = Math.ceil(images / batch);
  const epochs =
    given.epochs ?? Math.min(MOST_EPOCHS, Math.max(LEAST_EPOCHS, Math.round(STEPS / stepsPerEpoch)));
  const present = trained.filter((count) => count > 0);
  const [least, most] = [Math.min(...present), Math.max(...present)];
  const isUnequal = most > UNEQUAL * least;
  return {
    size: {
      value: suitableSize(Math.min(dataset.height, dataset.width)),
      reason: 'by the size of the images',
    },
    batch: { value: batch, reason: `for ${counted(images, 'training image')}` },
    epochs: { value: epochs, reason: `${counted(epochs * stepsPerEpoch, 'step')} in all` },
    balance: {
      value: isUnequal ? 'sample' : 'none',
      reason: isUnequal
        ? `classes have ${least} to ${counted(most, 'image')}`
        : 'classes are about equally large',
    },
  };
}

/** Small batches give more steps. */
const BATCHES = [
  { below: 1000, batch: 16 },
  { below: 8000, batch: 32 },
  { below: Number.POSITIVE_INFINITY, batch: 64 },
] as const;
/** Steps of a whole run, within the limits of the number of epochs. */
const STEPS = 1500;
const [LEAST_EPOCHS, MOST_EPOCHS] = [5, 100];
/** Classes are unbalanced if the largest has more than this factor times the images of the smallest. */
const UNEQUAL = 1.5;

/** The settings that the recipe `photos` chose, and the reasons. */
export interface PhotosSettings extends Partial<Chosen> {
  /** Present and undefined if a set is too small for validation images. */
  readonly validate?: undefined;
  readonly reasons: Readonly<Partial<Record<ChosenName | 'validate', string>>>;
}

/** Chooses all settings that are not in `given`; `validate` is the validation share of each class. */
export function choosePhotosSettings(
  given: Given & Pick<RunConfig, 'validate' | 'limit'>,
  dataset: Dataset,
): PhotosSettings {
  const labels = dataset.labels.subarray(0, given.limit);
  const { validate = 0 } = given;
  const counts = [...classCounts(labels, dataset.classNames.length)];
  const taken = counts.map((count) => validationImages(count, validate));
  const isTooSmall = validate > 0 && taken.every((count) => count === 0);
  const trained = counts.map((count, label) => count - taken[label]!);
  const choices = photosChoices(given, dataset, trained);
  const open = CHOSEN_SETTINGS.filter((name) => given[name] === undefined);
  return {
    ...Object.fromEntries(open.map((name) => [name, choices[name].value])),
    ...(isTooSmall && { validate: undefined }),
    reasons: {
      ...Object.fromEntries(open.map((name) => [name, choices[name].reason])),
      ...(isTooSmall && { validate: 'too few images for validation' }),
    },
  };
}
