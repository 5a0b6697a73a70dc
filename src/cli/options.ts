import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DATASET_NAMES, isDatasetName } from '../data/dataset-names.ts';
import { imageSizeOf, MODEL_NAMES_TEXT } from '../model/zoo.ts';
import { SCHEDULES } from '../optim/schedule.ts';
import { PRECISIONS } from '../tensor/precision.ts';
import { DECAYED, OPTIMIZERS } from '../train/config.ts';
import { RECIPE_NAMES, RECIPES } from '../train/recipes.ts';
import { ENGINE_NAMES, type EngineName } from './engines.ts';
import { parseMemorySize } from './memory-size.ts';

/** A parser for whole numbers in a range. */
function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

/** A parser for numbers above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError('expected a number above 0');
  }
  return value;
}

/** A parser for numbers from `least` (or above it) to below `most`. */
function between(least: number, includesLeast: boolean, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const isAbove = includesLeast ? value >= least : value > least;
    if (text.trim() === '' || !isAbove || !(value < most)) {
      const below = most === Number.POSITIVE_INFINITY ? '' : ` and below ${most}`;
      throw new InvalidArgumentError(
        `expected a number ${includesLeast ? 'from' : 'above'} ${least}${below}`,
      );
    }
    return value;
  };
}

const notNegative = between(0, true, Number.POSITIVE_INFINITY);
const below1 = between(0, true, 1);
const fraction = between(0, false, 1);

const microBatch = whole(1, 65_536);
const seed = whole(0, 2 ** 32 - 1);

function seedList(text: string): readonly number[] {
  const seeds = text.split(',').map((each) => seed(each.trim()));
  if (new Set(seeds).size < seeds.length) throw new InvalidArgumentError('a seed is there twice');
  return seeds;
}

function names(text: string): readonly string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.includes('')) throw new InvalidArgumentError('expected names, with commas between them');
  return list;
}

/** A path: anything but nothing. */
export function path(text: string): string {
  if (text === '') throw new InvalidArgumentError('expected a path');
  return text;
}

function datasetName(text: string): string {
  if (!isDatasetName(text)) throw new InvalidArgumentError(`expected ${DATASET_NAMES.join(', ')}`);
  return text;
}

/** A network that exists. */
export function modelName(text: string): string {
  if (imageSizeOf(text) === undefined) throw new InvalidArgumentError(`expected ${MODEL_NAMES_TEXT}`);
  return text;
}

/** The options that several commands share, each in one place. Defaults are the notes'. */
export const options = {
  json: () => new Option('--json', 'print one JSON object on stdout and nothing else there'),
  model: () => new Option('--model <name>', `network: ${MODEL_NAMES_TEXT}`).argParser(modelName),
  data: (what = 'data set') =>
    new Option('--data <name>', `${what}: ${DATASET_NAMES.join(', ')}`).argParser(datasetName),
  dataDir: () => new Option('--data-dir <dir>', 'where to look for the data first').argParser(path),
  size: () =>
    new Option('--size <pixels>', 'images are resized to this height and width').argParser(whole(1, 8192)),
  batch: () => new Option('--batch <images>', 'images per step').argParser(whole(1, 65_536)),
  microBatch: () =>
    new Option(
      '--micro-batch <images>',
      'go through the network with so many at a time, for less memory; the gradients are those of the whole batch',
    ).argParser(microBatch),
  microBatchOrAuto: () =>
    new Option(
      '--micro-batch <images>',
      'go through the network with so many at a time, for less memory; the gradients are those of the whole batch; auto: where nothing else fits',
    ).argParser((text) => (text === 'auto' ? text : microBatch(text))),
  epochs: () => new Option('--epochs <n>', 'passes over the data').argParser(whole(1, 100_000)),
  lr: () => new Option('--lr <rate>', 'learning rate').argParser(positive),
  recipe: () => new Option('--recipe <name>', 'how to train').choices(RECIPE_NAMES),
  optimizer: () => new Option('--optimizer <name>', 'what changes the weights').choices(OPTIMIZERS),
  momentum: () => new Option('--momentum <m>', 'of sgd and nesterov').argParser(below1),
  weightDecay: () => new Option('--weight-decay <rate>', 'pulls weights towards 0').argParser(notNegative),
  weightDecayOn: () =>
    new Option(
      '--weight-decay-on <which>',
      'weights leaves out biases and batch norms (default: weights)',
    ).choices(DECAYED),
  schedule: () => new Option('--schedule <name>', 'how the learning rate goes').choices(SCHEDULES),
  warmup: () => new Option('--warmup <epochs>', 'over which the learning rate rises').argParser(notNegative),
  labelSmoothing: () =>
    new Option('--label-smoothing <part>', 'of the truth, for all classes alike').argParser(below1),
  clip: () => new Option('--clip <norm>', 'greatest norm of all gradients together').argParser(positive),
  ema: () =>
    new Option('--ema <decay>', 'evaluate a moving average of the weights, such as 0.999').argParser(
      fraction,
    ),
  validate: () =>
    new Option(
      '--validate <part>',
      'of the training images, held out to choose the best epoch by; the test images then come at the end only',
    ).argParser(fraction),
  freeze: () =>
    new Option(
      '--freeze <parts>',
      'keep these as they are: prefixes of names such as features.conv0, or body: all but the classifier',
    ).argParser(names),
  dropout: () =>
    new Option('--dropout <rate>', 'of what each convolution gives, in the networks that have it').argParser(
      fraction,
    ),
  patience: () =>
    new Option('--patience <epochs>', 'end when so many were no better on the held-out images').argParser(
      whole(1, 100_000),
    ),
  seed: () => new Option('--seed <n>', 'of initial weights and shuffling').argParser(seed),
  seeds: () => new Option('--seeds <list>', 'of the runs of each configuration: 0,1,2').argParser(seedList),
  limit: () => new Option('--limit <images>', 'train on the first images only').argParser(whole(1, 2 ** 31)),
  memoryLimit: () =>
    new Option(
      '--memory-limit <size>',
      'what the whole process may take, such as 4GiB (default: what is free)',
    ).argParser(parseMemorySize),
  channels: () => new Option('--channels <n>', 'channels of the images').argParser(whole(1, 4096)),
  classes: () => new Option('--classes <n>', 'number of classes').argParser(whole(1, 65_536)),
  mirror: () =>
    new Option('--mirror', 'the mean of what it says of an image and of its mirror image, in twice the time'),
  steps: (what = 'steps to time', count = 5) =>
    new Option('--steps <n>', what).argParser(whole(1, 100_000)).default(count),
  precision: () =>
    new Option('--precision <type>', 'of feature maps in memory: bf16 takes half of it').choices(PRECISIONS),
  precisionOrAuto: () =>
    new Option(
      '--precision <type>',
      'of feature maps in memory: bf16 takes half of it; auto: f32, or bf16 where f32 does not fit',
    ).choices([...PRECISIONS, 'auto']),
  engine: () => new Option('--engine <name>', 'what computes').choices(ENGINE_NAMES).default('auto'),
  threads: () =>
    new Option('--threads <n>', 'default: all processors')
      .argParser(whole(1, 256))
      .default(availableParallelism()),
} as const;

/** How large the images of a step to measure are where nobody says: the notes', or smaller if the network's own are. */
export function defaultSize(model: string): number {
  return Math.min(NOTES_DEFAULTS.size, imageSizeOf(model)!);
}

export const NOTES_DEFAULTS = RECIPES.notes;

/** What `bench` and `profile` are told of the step they measure. */
export interface MeasuredStepOptions {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly steps: number;
  readonly engine: EngineName;
  readonly threads: number;
  readonly inference?: boolean;
  readonly json?: boolean;
}

export function withMeasuredStep(command: Command): Command {
  return command
    .addOption(options.model().default(NOTES_DEFAULTS.model))
    .addOption(options.size().default(undefined, '96, or 32 of the networks for CIFAR'))
    .addOption(options.batch().default(NOTES_DEFAULTS.batch))
    .addOption(options.steps())
    .addOption(options.engine())
    .addOption(options.threads())
    .addOption(new Option('--inference', 'measure inference instead of training'))
    .addOption(options.json())
    .hook('preAction', (measured) => {
      const { size, model } = measured.opts<{ readonly size?: number; readonly model: string }>();
      measured.setOptionValue('size', size ?? defaultSize(model));
    });
}
