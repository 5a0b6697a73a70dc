import type { RunStore } from '../train/training-run.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint-file.ts';
import type { RunFiles } from './run-folder.ts';

/** What has to happen before a checkpoint is written. */
export interface BeforeSave {
  /** @throws where the folder is no longer this process's. */
  verify(): void;
  /** Makes the log durable. @returns its length in bytes. */
  syncLog(): number;
}

/** Checkpoints in a run's folder. The log is durable before the checkpoint that counts its events is. */
export function checkpointStore(
  files: Pick<RunFiles, 'last' | 'best'>,
  { verify, syncLog }: Partial<BeforeSave> = {},
): RunStore {
  return {
    nameOf: (which) => files[which],
    async save(which, { run, state }, shapes) {
      verify?.();
      const logBytes = syncLog?.();
      await saveCheckpoint(
        files[which],
        { run: { ...run, ...(logBytes !== undefined && { logBytes }) }, state },
        shapes,
      );
    },
    load: async (which) => loadCheckpoint(files[which]),
  };
}
