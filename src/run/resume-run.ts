import type { LoadedCheckpoint } from '../train/checkpoint.ts';
import { ConfigError } from '../train/config.ts';
import { type GivenSettings, resumedRun } from '../train/resumed-run.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { runFiles } from './run-folder.ts';

/**
 * Loads the checkpoint of a folder to resume from.
 * @param given the other options, which are checked against the checkpoint.
 * @throws DataError, ConfigError, CheckpointError
 */
export function openResumed(
  folder: string,
  given: GivenSettings & { readonly out?: string | undefined },
): LoadedCheckpoint {
  if (given.out !== undefined && given.out !== folder) {
    throw new ConfigError(
      `\`out\` ${given.out} contradicts \`resume\` ${folder}: a resumed run keeps its folder`,
    );
  }
  return resumedRun(loadCheckpoint(runFiles(folder).last), given, folder);
}
