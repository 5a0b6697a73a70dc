import { existsSync, readFileSync } from 'node:fs';
import { writeFileAtomic } from '../node/files.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
  type LoadedCheckpoint,
} from '../train/checkpoint.ts';

/** Writes one safetensors file, atomically: when the state throws, the file stays as it was. */
export function saveCheckpoint(
  path: string,
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, StateTensor>,
): void {
  writeFileAtomic(path, encodeCheckpoint(checkpoint, shapes));
}

/** @throws CheckpointError, or SafetensorsError when the file is no valid safetensors. */
export function loadCheckpoint(path: string): LoadedCheckpoint {
  if (!existsSync(path)) throw new CheckpointError(`${path} does not exist: not the folder of a run`);
  return decodeCheckpoint(readFileSync(path), path);
}
