import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { DataProgress } from '../data/progress.ts';
import { meansText } from '../data/transforms/normalize.ts';
import { imagesOfCard, type TrainedImages } from '../io/model-card.ts';
import { describeReport, matchWeights, type WeightsReport } from '../io/weight-names.ts';
import type { Weights } from '../io/weights.ts';
import { decodeWeights, readFileLimited } from '../node/weights-file.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { decodeCheckpoint, isCheckpoint, type StateNumbers } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { classNamesOf } from './open-run.ts';
import { knownBy, pulledFile } from './pretrained-weights.ts';
import { runFiles } from './run-folder.ts';

/** Weights from a file, which may be a run's checkpoint, or from the last checkpoint of a run. */
export interface WeightsSource {
  /** The file they are in. */
  readonly source: string;
  readonly sha256: string;
  readonly weights: Weights;
  /** Their network, where a checkpoint says it or the weights are known. */
  readonly network?: Pick<RunConfig, 'model' | 'size'>;
  /** The images that they were trained on, where that is known. */
  readonly images?: TrainedImages | undefined;
}

/**
 * Reads weights from a file of any known format, from a run's folder, or those that are published for a network of this
 * name.
 */
export async function openWeights(given: string, progress: DataProgress): Promise<WeightsSource> {
  const pulled = await pulledFile(given, progress);
  const path = pulled?.path ?? given;
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const source = isFolder ? runFiles(path).last : path;
  const bytes = readFileLimited(source);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (!isFolder) {
    const weights = await decodeWeights(bytes, source);
    const { metadata = new Map<string, string>() } = weights;
    const known = pulled?.known ?? knownBy(sha256);
    if (known) return { source, sha256, weights, ...known };
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
  const { state, report } = matchWeights(source.weights, ownState(network), { ...source, newHead: true });
  return { state, report, remarks: [...describeReport(report), ...otherNormalization(source, config)] };
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
