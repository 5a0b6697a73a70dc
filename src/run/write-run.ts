import { existsSync } from 'node:fs';
import { DataError } from '../data/dataset.ts';
import { writeStreamAtomic } from '../node/files.ts';
import { encodeStored, type LoadedCheckpoint } from '../train/checkpoint.ts';
import { claimFolder, requireFree, runFiles } from './run-folder.ts';

/** The checkpoints of a run. */
export interface RunCheckpoints {
  readonly last: LoadedCheckpoint;
  readonly best: LoadedCheckpoint;
}

/**
 * Writes the checkpoints of a finished run, or of imported weights. On failure, created files are removed.
 * @param replace whether the result of an earlier call may be replaced; the folder of a training run, which has a
 * log, is never replaced.
 * @throws DataError if the folder is in use.
 */
export async function writeRun(
  folder: string,
  checkpoints: RunCheckpoints,
  { replace = false } = {},
): Promise<void> {
  const { last, best, log } = runFiles(folder);
  const isReplaced = replace && existsSync(last) && !existsSync(log);
  const requirePlace = () => {
    if (isReplaced) return;
    if (replace && existsSync(log)) {
      throw new DataError(`${folder} is the folder of a training run with a log: save to another folder`);
    }
    requireFree(folder);
  };
  requirePlace();
  const claimed = claimFolder(folder);
  let made: readonly string[] = [];
  try {
    requirePlace(); // Another process may have used the folder concurrently.
    if (!isReplaced) made = [best, last];
    await writeStreamAtomic(best, encodeStored(checkpoints.best));
    await writeStreamAtomic(last, encodeStored(checkpoints.last));
    claimed.release();
  } catch (error) {
    if (isReplaced) claimed.release();
    else claimed.abandon(made); // Also if only fsync failed, so that the same command can be repeated.
    throw error;
  }
}
