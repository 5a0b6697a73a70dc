import { existsSync } from 'node:fs';
import { IMAGENET_CLASSES } from '../data/imagenet-classes.ts';
import type { DataProgress } from '../data/progress.ts';
import { fixedNormalization } from '../data/transforms/normalize.ts';
import type { TrainedImages } from '../io/model-card.ts';
import { pretrainedBy, pretrainedFile } from '../io/pretrained.ts';
import { imageSizeOf } from '../model/zoo.ts';
import { pullWeights } from '../node/pulled-weights.ts';
import type { RunConfig } from '../train/config.ts';

/** What is known of weights for ImageNet. */
export interface PretrainedWeights {
  readonly network: Pick<RunConfig, 'model' | 'size'>;
  readonly images: TrainedImages;
}

/** The file that a name of published weights stands for, downloaded where it is missing; a path that exists comes first. */
export async function pulledFile(
  name: string,
  progress: DataProgress,
): Promise<{ readonly path: string; readonly known: PretrainedWeights } | undefined> {
  if (pretrainedFile(name) === undefined || existsSync(name)) return undefined;
  const { path } = await pullWeights(name, progress);
  return { path, known: weightsOf(name) };
}

/** What is known of a file by its content, wherever it lies. */
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
