import { existsSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { DataError, type TrainTest } from '../data/dataset.ts';
import { DEFAULT_TEST_SHARE, imageFolderOf } from '../data/dataset-names.ts';
import type { ImageFolderOptions } from '../data/image-folder/open.ts';
import { AUGMENTATIONS, type Augmentation } from '../data/transforms/augment.ts';
import { NORMALIZATIONS, type NormalizationName, normalizationOf } from '../data/transforms/normalize.ts';
import { sha256OfHalf } from '../node/data/fingerprint.ts';
import type { RunConfig } from '../train/config.ts';
import { UsageError } from './errors.ts';

/** How `train` reads and changes images. */
export interface DataOptions {
  readonly augment?: readonly Augmentation[] | undefined;
  readonly normalize?: NormalizationName | undefined;
  readonly channels?: 1 | 3 | undefined;
  readonly testShare?: number | undefined;
  readonly strict?: boolean | undefined;
}

export function dataOptions(): readonly Option[] {
  return [
    new Option(
      '--augment <list>',
      `changes to training images, each epoch others: ${AUGMENTATIONS.join(',')}`,
    ).argParser(augmentations),
    new Option('--normalize <how>', 'subtract a mean and divide by a deviation, per channel').choices(
      NORMALIZATIONS,
    ),
    new Option('--channels <n>', 'of images in a folder: 1 or 3 (default: 1 when all are grey)').argParser(
      oneOrThree,
    ),
    new Option('--test-share <share>', 'of a folder without val or test (default: 0.2)').argParser(share),
    new Option('--strict', 'refuse a folder with a file that is no image, rather than leave it out'),
  ];
}

/** How a folder of images is read for a new run, or as the run read it. */
export function imageOptions(
  given: DataOptions,
  { size, seed, testShare }: Pick<RunConfig, 'size' | 'seed' | 'testShare'>,
  channels: number | undefined = given.channels,
): Partial<ImageFolderOptions> {
  return {
    size,
    seed,
    testShare: testShare ?? given.testShare ?? DEFAULT_TEST_SHARE,
    strict: given.strict ?? false,
    ...(channels !== undefined && { channels }),
  };
}

/** What a new run keeps of its data. Nothing but the names of classes where no option says more. */
export function dataConfig(
  given: DataOptions,
  name: string,
  data: TrainTest,
  limit: number | undefined,
): Pick<RunConfig, 'classNames' | 'testShare' | 'testSha256' | 'transforms'> {
  const { augment = [], normalize = 'none' } = given;
  const normalization = normalizationOf(normalize, data.train, limit);
  const [mean, std] = [[...(normalization?.mean ?? [])], [...(normalization?.std ?? [])]];
  return {
    classNames: [...data.train.classNames],
    ...(imageFolderOf(name) !== undefined && {
      testShare: given.testShare ?? DEFAULT_TEST_SHARE,
      testSha256: sha256OfHalf(data.test),
    }),
    ...((augment.length > 0 || normalization) && {
      transforms: {
        augment: [...augment],
        normalize,
        ...(normalization && { normalization: { mean, std } }),
      },
    }),
  };
}

/** @throws UsageError when an option is for folders of images and the data is none. */
export function requireFolderOptions(given: DataOptions, name: string): void {
  if (imageFolderOf(name) !== undefined) return;
  for (const [key, option] of [
    ['channels', '--channels'],
    ['testShare', '--test-share'],
    ['strict', '--strict'],
  ] as const) {
    if (given[key] !== undefined) throw new UsageError(`${option} is for --data folder:DIR, not for ${name}`);
  }
}

/**
 * Opens what a run says that it was trained on: its place may have changed since.
 * @throws DataError that says how to name the new one.
 */
export async function openOwnData<T>(name: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const [, kind, folder] = /^(folder|idx):(.*)$/.exec(name) ?? [];
    if (!(error instanceof DataError) || kind === undefined || existsSync(folder!)) throw error;
    throw new DataError(
      `${error.message}: if the run's data is elsewhere now, name its place with --data ${kind}:DIR`,
    );
  }
}

/** The list in the order in which it is done, each once. */
function augmentations(text: string): readonly Augmentation[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !AUGMENTATIONS.some((known) => known === name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`expected some of ${AUGMENTATIONS.join(',')}, not '${unknown}'`);
  }
  return AUGMENTATIONS.filter((name) => names.includes(name));
}

function oneOrThree(text: string): 1 | 3 {
  if (text !== '1' && text !== '3') throw new InvalidArgumentError('expected 1 or 3');
  return text === '1' ? 1 : 3;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('expected a number between 0 and 1');
  return value;
}
