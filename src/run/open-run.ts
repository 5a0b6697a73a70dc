import { type Trained, trainedOf } from '../train/trained.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { runFiles } from './run-folder.ts';

/** The network of a run in a folder. @throws CheckpointError, SafetensorsError */
export function openRun(folder: string, which: 'last' | 'best'): Trained {
  const path = runFiles(folder)[which];
  return trainedOf(path, loadCheckpoint(path));
}
