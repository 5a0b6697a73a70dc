import { type Trained, trainedOf } from '../train/trained.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { checkpointAt } from './find-run.ts';

/** The network of a run, and the folder that it is in. */
export interface OpenedRun extends Trained {
  readonly folder: string;
}

/**
 * @param place the folder of a run, or one of its checkpoints.
 * @param which checkpoint of a folder.
 * @throws DataError, CheckpointError, SafetensorsError
 */
export function openRun(place: string, which: 'last' | 'best'): OpenedRun {
  const { folder, file } = checkpointAt(place, which);
  return { folder, ...trainedOf(file, loadCheckpoint(file)) };
}
