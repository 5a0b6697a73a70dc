import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeStreamAtomic } from '../node/files.ts';
import { readFileLimited } from '../node/weights-file.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
  type LoadedCheckpoint,
} from '../train/checkpoint.ts';

/** Writes a checkpoint as safetensors, atomically: if a tensor cannot be read, the old file remains. */
export async function saveCheckpoint(
  path: string,
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, StateTensor>,
): Promise<void> {
  await writeStreamAtomic(path, encodeCheckpoint(checkpoint, shapes));
}

/** Loads a checkpoint. @throws CheckpointError; SafetensorsError if the file is not valid safetensors. */
export function loadCheckpoint(path: string): LoadedCheckpoint {
  if (!existsSync(path))
    throw new CheckpointError(
      `${path} does not exist: expected a checkpoint, such as last.safetensors of a run`,
    );
  if (statSync(path).isDirectory())
    throw new CheckpointError(
      `${path} is a folder: expected a checkpoint in it, such as ${join(path, 'last.safetensors')}`,
    );
  return decodeCheckpoint(readFileLimited(path), path);
}
