import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { DataProgress } from '../data/progress.ts';
import { decodeWeights, readWeightsFile } from '../node/weights-file.ts';
import { CheckpointError } from '../train/checkpoint.ts';
import { weightsSource } from '../train/read-weights.ts';
import type { WeightsSource } from '../train/weights-source.ts';
import { checkpointAt } from './find-run.ts';
import { knownBy, pulledFile } from './pretrained-weights.ts';

/**
 * Reads weights from a file of any supported format, its bytes, the folder of a run, or the published weights of
 * the network with this name.
 * @param name selects one of several sets of weights in a file (`chooseWeights`).
 * @throws WeightsError, CheckpointError, and what `decodeWeights` throws.
 */
export async function openWeights(
  given: string | Uint8Array,
  progress: DataProgress,
  name?: string,
): Promise<WeightsSource> {
  if (typeof given !== 'string') {
    const sha256 = createHash('sha256').update(given).digest('hex');
    const source = 'the weights';
    const weights = await decodeWeights(given, source);
    return weightsSource(weights, given, { source, sha256, name, known: knownBy(sha256) });
  }
  const pulled = await pulledFile(given, progress);
  const path = pulled?.path ?? given;
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const source = isFolder ? checkpointAt(path, 'last').file : path;
  const { weights, parts } = await readWeightsFile(source);
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const sha256 = hash.digest('hex');
  const known = pulled?.known ?? knownBy(sha256);
  const read = weightsSource(weights, parts[0]!, { source, sha256, name, known });
  if (isFolder && !read.network) throw new CheckpointError(`${source} is not a checkpoint of a run`);
  return read;
}
