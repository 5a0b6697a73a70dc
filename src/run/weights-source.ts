import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { DataProgress } from '../data/progress.ts';
import { meansText } from '../data/transforms/normalize.ts';
import { chooseWeights } from '../io/choose-weights.ts';
import {
  describeReport,
  type MatchedWeights,
  MisfitError,
  matchWeights,
  type WeightsReport,
} from '../io/match-weights.ts';
import { imagesOfCard, type TrainedImages } from '../io/model-card.ts';
import type { WantedTensors } from '../io/weight-names.ts';
import { type Weights, WeightsError } from '../io/weights.ts';
import { readWeightsFile } from '../node/weights-file.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { decodeCheckpoint, isCheckpoint, type StateNumbers } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { checkpointAt } from './find-run.ts';
import { classNamesOf } from './open-run.ts';
import { knownBy, pulledFile } from './pretrained-weights.ts';
import { modelOf } from './recognize-model.ts';

/** Weights from a file, which may be a run's checkpoint, or from the last checkpoint of a run. */
export interface WeightsSource {
  /** The file they are in. */
  readonly source: string;
  readonly sha256: string;
  /** Of the weights, of a file with several. */
  readonly name?: string;
  readonly weights: Weights;
  /** Their network, where a checkpoint says it or the weights are known. */
  readonly network?: Pick<RunConfig, 'model' | 'size'>;
  /** The images that they were trained on, where that is known. */
  readonly images?: TrainedImages | undefined;
}

/**
 * Reads weights from a file of any known format, from a run's folder, or those that are published for a network of this
 * name.
 * @param name of the weights, of a file with several (`chooseWeights`).
 * @throws WeightsError, and what `decodeWeights` and `decodeCheckpoint` throw.
 */
export async function openWeights(
  given: string,
  progress: DataProgress,
  name?: string,
): Promise<WeightsSource> {
  const pulled = await pulledFile(given, progress);
  const path = pulled?.path ?? given;
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const source = isFolder ? checkpointAt(path, 'last').file : path;
  const { weights, parts } = await readWeightsFile(source);
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const sha256 = hash.digest('hex');
  const { metadata = new Map<string, string>() } = weights;
  if (!isFolder && !isCheckpoint(metadata)) {
    const known = pulled?.known ?? knownBy(sha256);
    if (known) return { source, sha256, weights, ...known };
    const images = imagesOfCard(metadata);
    if (name === undefined) return { source, sha256, weights, images };
    return { source, sha256, name, weights: chooseWeights(weights, name, source), images };
  }
  if (name !== undefined)
    throw new WeightsError(
      `${source} is a checkpoint of densor, with one set of weights: leave \`weights\` out`,
    );
  const { run, state, shapes } = decodeCheckpoint(parts[0]!, source);
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

/** How a run that begins with these weights remembers them. */
export function startedFrom({ source, sha256, name }: WeightsSource): RunConfig['startedFrom'] {
  return { file: source, sha256, ...(name !== undefined && { weights: name }) };
}

/** The weights that a new run begins with, and what there is to say of them. */
export interface StartingWeights {
  readonly state: StateNumbers;
  readonly report: WeightsReport;
  /** A line each. */
  readonly remarks: readonly string[];
}

/** Weights for a network, which gets a new head where that has another number of classes. @throws WeightsError */
export function startingWeights(
  source: WeightsSource,
  network: CompiledNetwork,
  config: RunConfig,
): StartingWeights {
  const { state, report } = weightsFor(source, ownState(network), { model: config.model, newHead: true });
  return { state, report, remarks: [...describeReport(report), ...otherNormalization(source, config)] };
}

/**
 * The weights that a model wants. @param newHead as of `matchWeights`.
 * @throws WeightsError: where they are of another model, which one.
 */
export function weightsFor(
  { weights, source }: WeightsSource,
  wanted: WantedTensors,
  { model, newHead }: { readonly model: string; readonly newHead: boolean },
): MatchedWeights {
  try {
    return matchWeights(weights, wanted, { source, newHead });
  } catch (error) {
    const other = error instanceof MisfitError ? modelOf(weights, source) : undefined;
    if (other === undefined || other === model) throw error;
    throw new MisfitError(`${source} is not of ${model}; it looks like ${other}: use \`model\` ${other}`);
  }
}

/** The model's own state, without what an optimiser remembers. */
function ownState({ state }: CompiledNetwork): CompiledNetwork['state'] {
  return new Map([...state].filter(([, { role }]) => role !== 'optimizer'));
}

/** Weights expect images as they were trained on: other ones are another task, which may be meant. */
function otherNormalization({ images }: WeightsSource, { transforms }: RunConfig): readonly string[] {
  if (!images) return [];
  const textOf = (numbers: TrainedImages['normalization']) => (numbers ? meansText(numbers) : 'as they are');
  const [said, is] = [textOf(images.normalization), textOf(transforms?.normalization)];
  if (said === is) return [];
  return [`warning: the weights were trained on images ${said}; these are ${is}: \`normalize\` changes that`];
}
