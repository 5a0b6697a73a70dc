import { statSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { DATASET_NAMES, isDatasetName, similarDataset } from '../data/dataset-names.ts';
import { hasIdxFiles } from '../node/data/idx-files.ts';

/**
 * Parses a data set argument: a name for `openDataset`, or a path of a folder of images or of IDX files.
 * @throws InvalidArgumentError
 */
export function parseDataset(text: string): string {
  if (isDatasetName(text)) return text;
  if (statSync(text, { throwIfNoEntry: false })?.isDirectory()) {
    return `${hasIdxFiles(text) ? 'idx' : 'folder'}:${text}`;
  }
  const meant = similarDataset(text);
  throw new InvalidArgumentError(
    `expected a folder that exists, or ${DATASET_NAMES.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
  );
}
