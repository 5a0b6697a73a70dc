import { existsSync } from 'node:fs';
import { DataError } from '../data/dataset.ts';
import { writeStreamAtomic } from '../node/files.ts';
import { encodeStored, type LoadedCheckpoint } from '../train/checkpoint.ts';
import { claimFolder, requireFree, runFiles } from './run-folder.ts';

/** Both checkpoints that a run can have. */
export interface RunCheckpoints {
  readonly last: LoadedCheckpoint;
  readonly best: LoadedCheckpoint;
}

/**
 * Writes the checkpoints of a run that is trained already, or of imported weights. Where nothing could be written, nothing
 * is left there.
 * @param replace what was written so before may go; the folder of a training, which has a log, never does.
 * @throws DataError where the folder is not free.
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
    requirePlace(); // Another process may have been faster.
    if (!isReplaced) made = [best, last];
    await writeStreamAtomic(best, encodeStored(checkpoints.best));
    await writeStreamAtomic(last, encodeStored(checkpoints.last));
    claimed.release();
  } catch (error) {
    if (isReplaced) claimed.release();
    else claimed.abandon(made); // Also where it was only not made durable: the same command works again.
    throw error;
  }
}
