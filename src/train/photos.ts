import { classCounts } from '../data/balance.ts';
import type { Dataset } from '../data/dataset.ts';
import { suitableSize } from '../data/fit-image.ts';
import { counted } from '../tensor/counted.ts';
import type { RunConfig } from './config.ts';

/** Settings that the recipe `photos` chooses by the images. */
export const CHOSEN_SETTINGS = ['size', 'batch', 'epochs', 'balance'] as const;
type ChosenName = (typeof CHOSEN_SETTINGS)[number];
type Chosen = Pick<RunConfig, ChosenName>;
type Given = { readonly [Name in ChosenName]?: Chosen[Name] | undefined };

/** A value and why, in words that follow it. */
interface Choice<Value> {
  readonly value: Value;
  readonly reason: string;
}

/**
 * What suits a set of images that nobody knows. The numbers were measured on small sets
 * (docs/results/small-sets.md): what decides is how many steps a run has, not how many epochs.
 * @param given settings that are not left to this. @param trained images of each class that are trained on, those that are held out left out.
 */
export function photosChoices(
  given: Given,
  dataset: Pick<Dataset, 'height' | 'width'>,
  trained: readonly number[],
): { readonly [Name in ChosenName]: Choice<Chosen[Name]> } {
  const images = trained.reduce((sum, count) => sum + count, 0);
  const usual = BATCHES.find(({ below }) => images < below)!.batch;
  // A last batch of one image has no statistics where maps are one pixel.
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
      reason: 'by the size of the pictures',
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

/** Small batches make many steps of few images. */
const BATCHES = [
  { below: 1000, batch: 16 },
  { below: 8000, batch: 32 },
  { below: Number.POSITIVE_INFINITY, batch: 64 },
] as const;
/** Of a whole run, as long as epochs allow. */
const STEPS = 1500;
const [LEAST_EPOCHS, MOST_EPOCHS] = [5, 100];
/** The largest class has more than so many times the images of the smallest. */
const UNEQUAL = 1.5;

/** What the recipe `photos` chose, and why. */
export interface PhotosSettings extends Partial<Chosen> {
  /** There, and undefined, where a set is too small to hold images out. */
  readonly validate?: undefined;
  readonly reasons: Readonly<Partial<Record<ChosenName | 'validate', string>>>;
}

/** Chooses all that `given` leaves open, for a set of which `validate` is the share that is held out of each class. */
export function choosePhotosSettings(
  given: Given & Pick<RunConfig, 'validate' | 'limit'>,
  dataset: Dataset,
): PhotosSettings {
  const labels = dataset.labels.subarray(0, given.limit);
  const { validate = 0 } = given;
  const counts = [...classCounts(labels, dataset.classNames.length)];
  const heldOut = counts.map((count) => Math.round(validate * count));
  const isTooSmall = validate > 0 && heldOut.every((count) => count === 0);
  const trained = counts.map((count, label) => count - heldOut[label]!);
  const choices = photosChoices(given, dataset, trained);
  const open = CHOSEN_SETTINGS.filter((name) => given[name] === undefined);
  return {
    ...Object.fromEntries(open.map((name) => [name, choices[name].value])),
    ...(isTooSmall && { validate: undefined }),
    reasons: {
      ...Object.fromEntries(open.map((name) => [name, choices[name].reason])),
      ...(isTooSmall && { validate: 'too few images to hold any out' }),
    },
  };
}
