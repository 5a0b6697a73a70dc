import { chooseWeights } from '../io/choose-weights.ts';
import { imagesOfCard } from '../io/model-card.ts';
import { type Weights, WeightsError } from '../io/weights.ts';
import { decodeCheckpoint, isCheckpoint } from './checkpoint.ts';
import { classNamesOf } from './trained.ts';
import type { WeightsSource } from './weights-source.ts';

/** Known properties of weights in addition to their file. */
export interface WeightsOrigin extends Pick<WeightsSource, 'source' | 'sha256'> {
  /** Name of the weights in a file with several (`chooseWeights`). */
  readonly name?: string | undefined;
  /** Network and images of weights that are recognised by their hash. */
  readonly known?: Pick<WeightsSource, 'network' | 'images'> | undefined;
}

/**
 * Decoded weights with the metadata of their file.
 * @param bytes of the file. @throws WeightsError, CheckpointError
 */
export function weightsSource(
  weights: Weights,
  bytes: Uint8Array,
  { source, sha256, name, known }: WeightsOrigin,
): WeightsSource {
  const { metadata = new Map<string, string>() } = weights;
  if (!isCheckpoint(metadata)) {
    if (known) return { source, sha256, weights, ...known };
    const images = imagesOfCard(metadata);
    if (name === undefined) return { source, sha256, weights, images };
    return { source, sha256, name, weights: chooseWeights(weights, name, source), images };
  }
  if (name !== undefined)
    throw new WeightsError(
      `${source} is a checkpoint of densor, with one set of weights: leave \`weights\` out`,
    );
  const { run, state, shapes } = decodeCheckpoint(bytes, source);
  const tensors = new Map(
    [...state].map(([name, data]) => [
      name,
      { shape: shapes.get(name)!, read: () => Float32Array.from(data) },
    ]),
  );
  const { model, network, size, data, transforms } = run.config;
  // A checkpoint of imported weights has no data: its images are known only from its transforms or class names.
  const isKnown = [data, transforms, run.config.classNames].some((each) => each !== undefined);
  const images = { size, classNames: classNamesOf(run.config), normalization: transforms?.normalization };
  return {
    ...{ source, sha256, network: { model, size, ...(network && { network }) } },
    ...(isKnown && { images }),
    weights: { format: 'checkpoint', tensors, notes: [] },
  };
}
