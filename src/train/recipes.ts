import type { z } from 'zod';
import { imageFolderOf } from '../data/dataset-names.ts';
import type { Augmentation } from '../data/transforms/augment.ts';
import type { NormalizationName } from '../data/transforms/normalize.ts';
import { counted } from '../tensor/counted.ts';
import {
  ConfigError,
  type RunConfig,
  requireMicroBatch,
  requireValidation,
  type runConfigSchema,
} from './config.ts';
import type { CHOSEN_SETTINGS } from './photos.ts';
import { RECIPE_NAMES, type RecipeName } from './settings/run-settings.ts';
import { NOTES, RUN_SETTING_NAMES, type RunSettingName } from './settings/table.ts';

export { RECIPE_NAMES, type RecipeName };

type Settings = z.input<typeof runConfigSchema>;

/** Image settings, before they are resolved for the data (`RunConfig.transforms`). */
interface ImageSettings {
  readonly augment?: readonly Augmentation[] | undefined;
  readonly normalize?: NormalizationName | undefined;
}

/**
 * Default settings of a run; missing ones have the defaults of `RunConfig`'s schema, or are derived from the images
 * (`CHOSEN_SETTINGS`, in `photos` only).
 */
export type Recipe = Omit<
  Settings,
  'recipe' | 'classes' | 'dataSha256' | 'data' | 'transforms' | (typeof CHOSEN_SETTINGS)[number]
> &
  Partial<Pick<Settings, (typeof CHOSEN_SETTINGS)[number]>> &
  ImageSettings & { readonly data: string };

const { seed, precision } = NOTES;
const COMMON = { seed, precision } as const;

/**
 * Fashion-MNIST at its original size, in 90 minutes on two cores: 0.950 with `evaluate --mirror` (docs/results/best).
 */
const BEST = {
  ...COMMON,
  precision: 'bf16',
  model: 'densenet-fashion',
  data: 'fashion-mnist',
  size: 28,
  batch: 64,
  epochs: 35,
  lr: 0.1,
  schedule: 'one-cycle',
  optimizer: 'nesterov',
  momentum: 0.9,
  weightDecay: 5e-4,
  labelSmoothing: 0.1,
  augment: ['shift', 'flip'],
  normalize: 'measured',
  validate: 0.05,
} as const satisfies Recipe;

/** Training recipes by name. Single settings override single fields. */
export const RECIPES = {
  /** The run of the notes, and of the older d2l edition. */
  notes: NOTES,
  /** The same network, as trained in the newer edition of d2l. */
  d2l: { ...NOTES, batch: 128, lr: 0.01 },
  /**
   * Exceeds the test accuracy of the notes' run in minutes, with the same network: smaller images, one cycle
   * (docs/results/time-to-accuracy.md).
   */
  quick: {
    ...COMMON,
    precision: 'bf16',
    model: 'notes',
    data: 'fashion-mnist',
    size: 48,
    batch: 64,
    epochs: 4,
    lr: 0.1,
    schedule: 'one-cycle',
    optimizer: 'nesterov',
    momentum: 0.9,
    weightDecay: 5e-4,
    augment: ['flip'],
    normalize: 'measured',
  },
  /** Huang et al. 2017, section 4.2, on CIFAR; weight decay on every parameter, as in the authors' code. */
  'paper-cifar': {
    ...COMMON,
    model: 'densenet-bc-100-12',
    data: 'cifar10',
    size: 32,
    batch: 64,
    epochs: 300,
    lr: 0.1,
    schedule: 'step',
    optimizer: 'nesterov',
    momentum: 0.9,
    weightDecay: 1e-4,
    weightDecayOn: 'all',
    augment: ['crop', 'flip'],
    normalize: 'measured',
  },
  /** For a folder of images, especially small sets: size, batch and epochs depend on the images (`photos.ts`). */
  photos: {
    ...COMMON,
    model: 'notes',
    data: 'sample',
    lr: 0.004,
    schedule: 'one-cycle',
    optimizer: 'adamw',
    weightDecay: 0.05,
    augment: ['shift', 'flip'],
    normalize: 'measured',
    validate: 0.15,
  },
  best: BEST,
  /**
   * A second, longer cycle for weights trained with `best` (`--from`, with the same seed, which selects the
   * validation images), with random erasing: 0.953 (docs/results/best-longer).
   */
  'best-longer': { ...BEST, epochs: 60, lr: 0.05, augment: ['shift', 'flip', 'erase'] },
  /**
   * Fine-tunes ImageNet weights (`--from densenet121`) on other images: first the new classifier with a frozen body,
   * then the whole network at a small learning rate. Smaller images get a smaller size (`fineTuningSize`).
   */
  'fine-tune': {
    ...COMMON,
    model: 'densenet121',
    data: 'fashion-mnist',
    size: 224,
    batch: 16,
    epochs: 8,
    headEpochs: 3,
    headLr: 0.002,
    lr: 1e-4,
    schedule: 'one-cycle',
    optimizer: 'adamw',
    weightDecay: 0.01,
    augment: ['resized-crop', 'flip'],
    normalize: 'imagenet',
  },
} as const satisfies Readonly<Record<RecipeName, Recipe>>;

/** Single settings given in addition to a recipe's name. */
export type Overrides = { readonly [Key in RunSettingName]?: RunConfig[Key] | undefined } & ImageSettings;

/** Momentum of an optimiser if none is given. */
const USUAL_MOMENTUM = 0.9;

/** A recipe with overrides: a `RunConfig` except the fields that depend on the data. */
export type ResolvedRecipe = Recipe & { readonly recipe: string; readonly classes?: number | undefined };

/** @throws ConfigError when the settings contradict one another. */
export function resolveRecipe(given: Overrides): ResolvedRecipe {
  const name = recipeName(given.recipe ?? usualRecipe(given.data));
  const overrides: Record<string, unknown> = {};
  for (const key of RUN_SETTING_NAMES) {
    if (given[key] !== undefined) overrides[key] = given[key];
  }
  const merged: ResolvedRecipe = { ...RECIPES[name], ...overrides, recipe: name };
  requireConsistent(merged);
  // A folder may have its own validation images, which is known only when it is opened (`completeRecipe`).
  if (imageFolderOf(merged.data) === undefined)
    requireValidation(merged.patience, merged.validate !== undefined);
  return { ...merged, momentum: momentumOf(given, merged) };
}

/** @throws ConfigError when any of the given settings contradict one another. */
export function requireConsistent({
  warmup = 0,
  headEpochs,
  headLr,
  epochs = Number.POSITIVE_INFINITY,
  batch = Number.POSITIVE_INFINITY,
  microBatch,
}: {
  readonly [Key in 'warmup' | 'epochs' | 'batch' | 'microBatch' | 'headEpochs' | 'headLr']?:
    | RunConfig[Key]
    | undefined;
}): void {
  requireMicroBatch(microBatch, batch);
  requireBothStages({ epochs, headEpochs, headLr });
  const shortest = headEpochs === undefined ? epochs : Math.min(headEpochs, epochs - headEpochs);
  if (warmup > shortest) {
    const what =
      headEpochs === undefined ? 'the run of' : 'the shorter of its parts, `headEpochs` and the rest:';
    throw new ConfigError(
      `a warm-up of ${counted(warmup, 'epoch')} is longer than ${what} ${shortest}: use a shorter \`warmup\` or more \`epochs\``,
      { setting: 'warmup' },
    );
  }
}

/** @throws ConfigError if no epochs are left for training the whole network after the classifier. */
function requireBothStages({
  epochs,
  headEpochs,
  headLr,
}: {
  readonly epochs: number;
  readonly headEpochs: number | undefined;
  readonly headLr: number | undefined;
}): void {
  if (headEpochs === undefined && headLr !== undefined) {
    throw new ConfigError(
      '`headLr` is the rate while only the classifier learns: say for how many epochs with `headEpochs`',
      { setting: 'headLr' },
    );
  }
  if (headEpochs === undefined || headEpochs < epochs) return;
  throw new ConfigError(
    `\`headEpochs\` ${headEpochs} leaves none of the ${counted(epochs, 'epoch')} for the rest of the network: use more ` +
      '`epochs` or fewer `headEpochs`; `freeze` body trains the classifier alone',
    { setting: 'headEpochs' },
  );
}

/** The default recipe. */
function usualRecipe(data: string | undefined): RecipeName {
  return data !== undefined && imageFolderOf(data) !== undefined ? 'photos' : 'notes';
}

function recipeName(name: string): RecipeName {
  const known = RECIPE_NAMES.find((each) => each === name);
  if (!known)
    throw new ConfigError(`unknown recipe ${name}: expected ${RECIPE_NAMES.join(', ')}`, {
      setting: 'recipe',
    });
  return known;
}

function momentumOf(given: Overrides, { optimizer, momentum = 0 }: Recipe): number {
  if (optimizer === 'adamw') {
    if (!given.momentum) return 0;
    throw new ConfigError('`optimizer` adamw has no `momentum`: leave it out, or use `optimizer` sgd', {
      setting: 'momentum',
    });
  }
  if (optimizer !== 'nesterov') return momentum;
  if (given.momentum === 0) {
    throw new ConfigError('`optimizer` nesterov requires a `momentum` above 0', { setting: 'momentum' });
  }
  return momentum > 0 ? momentum : USUAL_MOMENTUM;
}
