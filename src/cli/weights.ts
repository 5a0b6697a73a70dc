import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { WeightsReport } from '../io/weight-names.ts';
import { decodeWeights, readFileLimited, type Weights } from '../io/weights.ts';
import { decodeCheckpoint, isCheckpoint } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { runFiles } from '../train/run-folder.ts';

/** Weights from a file, which may be a run's checkpoint, or from the last checkpoint of a run. */
export interface WeightsSource {
  /** The file they are in. */
  readonly source: string;
  readonly sha256: string;
  readonly weights: Weights;
  /** What a checkpoint says about its network. */
  readonly network?: Pick<RunConfig, 'model' | 'size'>;
}

/** Reads weights from a file of any known format or from a run's folder. */
export async function openWeights(path: string): Promise<WeightsSource> {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const source = isFolder ? runFiles(path).last : path;
  const bytes = readFileLimited(source);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (!isFolder && !isCheckpoint(bytes))
    return { source, sha256, weights: await decodeWeights(bytes, source) };
  const { run, state, shapes } = decodeCheckpoint(bytes, source);
  const tensors = new Map(
    [...state].map(([name, data]) => [
      name,
      { shape: shapes.get(name)!, read: () => Float32Array.from(data) },
    ]),
  );
  const { model, size } = run.config;
  return { source, sha256, weights: { format: 'checkpoint', tensors, notes: [] }, network: { model, size } };
}

const LISTED = 10;

/** The report with its lists cut off, and how long they were. */
export function reportAsJson({ leftOver, ...report }: WeightsReport) {
  return { ...report, leftOver: { count: leftOver.length, names: leftOver.slice(0, LISTED) } };
}
