import { existsSync } from 'node:fs';
import { DataError } from '../data/dataset.ts';
import { imageFolderOf } from '../data/dataset-names.ts';
import { flagOf, SETTING_NAMES, SETTINGS, type SettingName } from '../train/settings/table.ts';
import { UsageError } from './errors.ts';

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
