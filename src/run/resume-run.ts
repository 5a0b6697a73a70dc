import type { LoadedCheckpoint } from '../train/checkpoint.ts';
import { ConfigError } from '../train/config.ts';
import { type GivenSettings, resumedRun } from '../train/resumed-run.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { runFiles } from './run-folder.ts';

/**
 * The checkpoint of a folder to go on from.
 * @param given what is said beside the folder.
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
