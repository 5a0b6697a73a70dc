import type { RunStore } from '../train/training-run.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint-file.ts';
import type { RunFiles } from './run-folder.ts';

/** Actions before a checkpoint is written. */
export interface BeforeSave {
  /** @throws if this process no longer has the lock of the folder. */
  verify(): void;
  /** Makes the log durable. @returns its size in bytes. */
  syncLog(): number;
}

/**
 * Stores checkpoints in the folder of a run. The log is made durable before a checkpoint that refers to it is
 * written.
 */
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
