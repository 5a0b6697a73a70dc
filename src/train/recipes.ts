import type { z } from 'zod';
import { imageFolderOf } from '../data/dataset-names.ts';
import type { Augmentation } from '../data/transforms/augment.ts';
import type { NormalizationName } from '../data/transforms/normalize.ts';
import { counted } from '../tensor/counted.ts';
import {
  ConfigError,
  type RunConfig,
  requireJudge,
  requireMicroBatch,
  type runConfigSchema,
} from './config.ts';
import type { CHOSEN_SETTINGS } from './photos.ts';
import { RECIPE_NAMES, type RecipeName } from './settings/run-settings.ts';
import { NOTES, RUN_SETTING_NAMES, type RunSettingName } from './settings/table.ts';

export { RECIPE_NAMES, type RecipeName };

type Settings = z.input<typeof runConfigSchema>;

/** What is done to images, before the data say what that means for them (`RunConfig.transforms`). */
interface ImageSettings {
  readonly augment?: readonly Augmentation[] | undefined;
  readonly normalize?: NormalizationName | undefined;
}

/**
 * Defaults of a run; what is missing is as the schema of `RunConfig` has it, or chosen by the images
 * (`CHOSEN_SETTINGS`, by `photos` only).
 */
export type Recipe = Omit<
  Settings,
  'recipe' | 'classes' | 'dataSha256' | 'data' | 'transforms' | (typeof CHOSEN_SETTINGS)[number]
> &
  Partial<Pick<Settings, (typeof CHOSEN_SETTINGS)[number]>> &
  ImageSettings & { readonly data: string };

const { seed, precision } = NOTES;
const COMMON = { seed, precision } as const;

/** Fashion-MNIST at its own size, in 90 minutes of two cores: 0.950 with `evaluate --mirror` (docs/results/best). */
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

/** How to train, by name. Single options override single fields. */
export const RECIPES = {
  /** The notes' run, and that of the older d2l edition. */
  notes: NOTES,
  /** The same network as the newer edition of d2l trains it. */
  d2l: { ...NOTES, batch: 128, lr: 0.01 },
  /** The notes' network beyond its test accuracy in minutes: smaller images, one cycle (docs/results/time-to-accuracy.md). */
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
  /** For a folder of pictures, small sets above all: size, batch and epochs go by the images (`photos.ts`). */
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
   * A second, longer cycle for what `best` has trained (`--from`, and the same seed, which draws the held-out images), with
   * parts of images erased: 0.953 (docs/results/best-longer).
   */
  'best-longer': { ...BEST, epochs: 60, lr: 0.05, augment: ['shift', 'flip', 'erase'] },
  /**
   * Weights of ImageNet (`--from densenet121`) for other pictures: first the new classifier on the body as it is, then all
   * of it at a rate that changes little. Smaller pictures have a smaller size (`fineTuningSize`).
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

/** Single settings that were given beside a recipe's name. */
export type Overrides = { readonly [Key in RunSettingName]?: RunConfig[Key] | undefined } & ImageSettings;

/** Momentum that an optimiser has when nobody says how much. */
const USUAL_MOMENTUM = 0.9;

/** A recipe with single fields replaced: all that a `RunConfig` needs but what only the data know. */
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
  // A folder may have validation images of its own: that shows when it is opened (`completeRecipe`).
  if (imageFolderOf(merged.data) === undefined) requireJudge(merged.patience, merged.validate !== undefined);
  return { ...merged, momentum: momentumOf(given, merged) };
}

/** @throws ConfigError when settings contradict one another, of those that are known. */
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

/** @throws ConfigError unless all of the network learns too, after the classifier did. */
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

/** What is taken where no recipe is named. */
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
