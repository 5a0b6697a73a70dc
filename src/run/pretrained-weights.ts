import { existsSync } from 'node:fs';
import { IMAGENET_CLASSES } from '../data/imagenet-classes.ts';
import type { DataProgress } from '../data/progress.ts';
import { fixedNormalization } from '../data/transforms/normalize.ts';
import type { TrainedImages } from '../io/model-card.ts';
import { pretrainedBy, pretrainedFile } from '../io/pretrained.ts';
import { imageSizeOf } from '../model/zoo.ts';
import { pullWeights } from '../node/pulled-weights.ts';
import type { RunConfig } from '../train/config.ts';

/** Properties of published ImageNet weights. */
export interface PretrainedWeights {
  readonly network: Pick<RunConfig, 'model' | 'size'>;
  readonly images: TrainedImages;
}

/**
 * Resolves the name of published weights to a file, which is downloaded if missing; existing paths have priority.
 */
export async function pulledFile(
  name: string,
  progress: DataProgress,
): Promise<{ readonly path: string; readonly known: PretrainedWeights } | undefined> {
  if (pretrainedFile(name) === undefined || existsSync(name)) return undefined;
  const { path } = await pullWeights(name, progress);
  return { path, known: weightsOf(name) };
}

/** The properties of a published file, recognized by its SHA-256. */
export function knownBy(sha256: string): PretrainedWeights | undefined {
  const name = pretrainedBy(sha256);
  return name === undefined ? undefined : weightsOf(name);
}

function weightsOf(model: string): PretrainedWeights {
  const size = imageSizeOf(model)!;
  const { mean, std } = fixedNormalization('imagenet', 3)!;
  return {
    network: { model, size },
    images: { size, classNames: IMAGENET_CLASSES, normalization: { mean, std } },
  };
}
