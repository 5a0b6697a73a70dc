import { existsSync } from 'node:fs';
import { DataError } from '../data/dataset.ts';
import { imageFolderOf } from '../data/dataset-names.ts';
import type { FolderOptions } from '../node/data/open-dataset.ts';
import { readingMemory } from '../run/process-memory.ts';
import { type DataOptions, imageOptions } from '../train/new-run.ts';
import { flagOf, SETTING_NAMES, SETTINGS, type SettingName } from '../train/settings/table.ts';
import { UsageError } from './errors.ts';

/** The options for reading a folder of images: those given, or those of the run, within the memory limit. */
export function folderOptions(
  given: DataOptions & { readonly memoryLimit?: number | undefined },
  ...of: Parameters<typeof imageOptions> extends [unknown, ...infer Rest] ? Rest : never
): FolderOptions {
  return {
    ...imageOptions(given, ...of),
    ...(given.memoryLimit !== undefined && readingMemory(given.memoryLimit)),
  };
}

/** @throws UsageError if an option requires a folder of images and the data is something else. */
export function requireFolderOptions(
  given: { readonly [Name in SettingName]?: unknown },
  name: string,
): void {
  if (imageFolderOf(name) !== undefined) return;
  const wrong = SETTING_NAMES.find((key) => SETTINGS[key].folderOnly && given[key] !== undefined);
  if (wrong)
    throw new UsageError(
      `${flagOf(wrong)} applies only to folders of images (--data folder:DIR), not to ${name}`,
    );
}

/**
 * Opens the data that a run was trained on.
 * @throws DataError with advice for data that was moved.
 */
export async function openOwnData<T>(name: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const [, kind, folder] = /^(folder|idx):(.*)$/.exec(name) ?? [];
    if (!(error instanceof DataError) || kind === undefined || existsSync(folder!)) throw error;
    throw new DataError(
      `${error.message}: if the data has moved, pass its new location with --data ${kind}:DIR`,
    );
  }
}
