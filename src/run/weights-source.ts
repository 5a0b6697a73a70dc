import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { readFileLimited } from '../node/weights-file.ts';
import { ZIP_READER } from '../node/zip.ts';
import { CheckpointError } from '../train/checkpoint.ts';
import { readWeightsSource } from '../train/read-weights.ts';
import type { WeightsSource } from '../train/weights-source.ts';
import { runFiles } from './run-folder.ts';

/** Reads weights from a file of any known format, from its bytes, or from a run's folder. */
export async function openWeights(file: string | Uint8Array): Promise<WeightsSource> {
  const isFolder = typeof file === 'string' && existsSync(file) && statSync(file).isDirectory();
  const path = typeof file === 'string' ? file : 'the weights';
  const source = isFolder ? runFiles(path).last : path;
  const bytes = typeof file === 'string' ? readFileLimited(source) : file;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const read = await readWeightsSource(bytes, source, sha256, ZIP_READER);
  if (isFolder && !read.network) throw new CheckpointError(`${source} is no checkpoint of a run`);
  return read;
}
