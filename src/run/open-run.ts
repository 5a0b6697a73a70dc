import { type Trained, trainedOf } from '../train/trained.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { checkpointAt } from './find-run.ts';

/** The network of a run, and its folder. */
export interface OpenedRun extends Trained {
  readonly folder: string;
}

/**
 * Opens the network of a run.
 * @param place the folder of a run, or one of its checkpoints.
 * @param which the checkpoint to load, if `place` is a folder.
 * @throws DataError, CheckpointError, SafetensorsError
 */
export function openRun(place: string, which: 'last' | 'best'): OpenedRun {
  const { folder, file } = checkpointAt(place, which);
  return { folder, ...trainedOf(file, loadCheckpoint(file)) };
}
