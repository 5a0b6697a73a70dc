import { existsSync } from 'node:fs';
import { DataError, type TrainTest } from '../data/dataset.ts';
import { DEFAULT_TEST_SHARE, imageFolderOf } from '../data/dataset-names.ts';
import type { Augmentation } from '../data/transforms/augment.ts';
import { type NormalizationName, normalizationOf } from '../data/transforms/normalize.ts';
import { sha256OfHalf } from '../node/data/fingerprint.ts';
import type { FolderOptions } from '../node/data/open-dataset.ts';
import { readingMemory } from '../run/process-memory.ts';
import type { RunConfig } from '../train/config.ts';
import { flagOf, SETTING_NAMES, SETTINGS, type SettingName } from '../train/settings/table.ts';
import { UsageError } from './errors.ts';

/** How `train` reads and changes images. */
export interface DataOptions {
  readonly augment?: readonly Augmentation[] | undefined;
  readonly normalize?: NormalizationName | undefined;
  readonly channels?: 1 | 3 | undefined;
  readonly testShare?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly followLinks?: true | undefined;
  readonly memoryLimit?: number | undefined;
}

/** How a folder of images is read for a new run, or as the run read it. */
export function imageOptions(
  given: DataOptions,
  {
    size,
    seed,
    testShare,
    followLinks,
  }: Pick<RunConfig, 'seed' | 'testShare' | 'followLinks'> & {
    readonly size?: number | undefined;
  },
  channels: number | undefined = given.channels,
): FolderOptions {
  return {
    ...(size !== undefined && { size }),
    seed,
    testShare: testShare ?? given.testShare ?? DEFAULT_TEST_SHARE,
    strict: given.strict ?? false,
    followLinks: (followLinks ?? given.followLinks) === true,
    ...(given.memoryLimit !== undefined && readingMemory(given.memoryLimit)),
    ...(channels !== undefined && { channels }),
  };
}

/** What a new run keeps of its data. Nothing but the names of classes where no option says more. */
export function dataConfig(
  given: DataOptions,
  name: string,
  data: TrainTest,
  limit: number | undefined,
): Pick<RunConfig, 'classNames' | 'testShare' | 'testSha256' | 'validationSha256' | 'transforms'> {
  const { augment = [], normalize = 'none' } = given;
  const normalization = normalizationOf(normalize, data.train, limit);
  const [mean, std] = [[...(normalization?.mean ?? [])], [...(normalization?.std ?? [])]];
  return {
    classNames: [...data.train.classNames],
    ...(imageFolderOf(name) !== undefined && {
      testShare: given.testShare ?? DEFAULT_TEST_SHARE,
      testSha256: sha256OfHalf(data.test),
      ...(data.validation && { validationSha256: sha256OfHalf(data.validation) }),
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
export function requireFolderOptions(
  given: { readonly [Name in SettingName]?: unknown },
  name: string,
): void {
  if (imageFolderOf(name) !== undefined) return;
  const wrong = SETTING_NAMES.find((key) => SETTINGS[key].folderOnly && given[key] !== undefined);
  if (wrong) throw new UsageError(`${flagOf(wrong)} is for --data folder:DIR, not for ${name}`);
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
