import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { imagesOfCard, type TrainedImages } from '../io/model-card.ts';
import type { WeightsReport } from '../io/weight-names.ts';
import { decodeWeights, readFileLimited, type Weights } from '../io/weights.ts';
import { runFiles } from '../run/run-folder.ts';
import { decodeCheckpoint, isCheckpoint } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { classNamesOf } from './open-run.ts';

/** Weights from a file, which may be a run's checkpoint, or from the last checkpoint of a run. */
export interface WeightsSource {
  /** The file they are in. */
  readonly source: string;
  readonly sha256: string;
  readonly weights: Weights;
  /** What a checkpoint says about its network. */
  readonly network?: Pick<RunConfig, 'model' | 'size'>;
  /** The images that they were trained on, where that is known. */
  readonly images?: TrainedImages | undefined;
}

/** Reads weights from a file of any known format or from a run's folder. */
export async function openWeights(path: string): Promise<WeightsSource> {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const source = isFolder ? runFiles(path).last : path;
  const bytes = readFileLimited(source);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (!isFolder) {
    const weights = await decodeWeights(bytes, source);
    const { metadata = new Map<string, string>() } = weights;
    if (!isCheckpoint(metadata)) return { source, sha256, weights, images: imagesOfCard(metadata) };
  }
  const { run, state, shapes } = decodeCheckpoint(bytes, source);
  const tensors = new Map(
    [...state].map(([name, data]) => [
      name,
      { shape: shapes.get(name)!, read: () => Float32Array.from(data) },
    ]),
  );
  const { model, size, data, transforms } = run.config;
  // Imported weights know of no images, but for what was known of them.
  const isKnown = [data, transforms, run.config.classNames].some((known) => known !== undefined);
  const images = { size, classNames: classNamesOf(run.config), normalization: transforms?.normalization };
  return {
    ...{ source, sha256, network: { model, size }, ...(isKnown && { images }) },
    weights: { format: 'checkpoint', tensors, notes: [] },
  };
}

const LISTED = 10;

/** The report with its lists cut off, and how long they were. */
export function reportAsJson({ leftOver, ...report }: WeightsReport) {
  return { ...report, leftOver: { count: leftOver.length, names: leftOver.slice(0, LISTED) } };
}
