import { meansText } from '../data/transforms/normalize.ts';
import {
  describeReport,
  type MatchedWeights,
  MismatchError,
  matchWeights,
  type WeightsReport,
} from '../io/match-weights.ts';
import type { TrainedImages } from '../io/model-card.ts';
import type { WantedTensors } from '../io/weight-names.ts';
import type { Weights } from '../io/weights.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import type { StateNumbers } from './checkpoint.ts';
import type { RunConfig } from './config.ts';
import { modelOf } from './recognize-model.ts';

/** Weights from a file, which may be a run's checkpoint. */
export interface WeightsSource {
  /** The file they are in. */
  readonly source: string;
  readonly sha256: string;
  /** Name of the weights in a file with several. */
  readonly name?: string;
  readonly weights: Weights;
  /** Their network, if a checkpoint has it or the weights are recognised. */
  readonly network?: Pick<RunConfig, 'model' | 'network' | 'size'>;
  /** The images that they were trained on, if known. */
  readonly images?: TrainedImages | undefined;
}

/** The record of these weights in a run that starts from them. */
export function startedFrom({ source, sha256, name }: WeightsSource): RunConfig['startedFrom'] {
  return { file: source, sha256, ...(name !== undefined && { weights: name }) };
}

/** Initial weights of a new run, with remarks. */
export interface StartingWeights {
  readonly state: StateNumbers;
  readonly report: WeightsReport;
  /** One line each. */
  readonly remarks: readonly string[];
}

/** Weights for a network, with a new head if the number of classes differs. @throws WeightsError */
export function startingWeights(
  source: WeightsSource,
  network: CompiledNetwork,
  config: RunConfig,
): StartingWeights {
  const { state, report } = weightsFor(source, ownState(network), { model: config.model, newHead: true });
  return { state, report, remarks: [...describeReport(report), ...otherNormalization(source, config)] };
}

/**
 * The weights for a model. @param newHead as in `matchWeights`.
 * @throws WeightsError: if they belong to another known model, it is named.
 */
export function weightsFor(
  { weights, source }: WeightsSource,
  wanted: WantedTensors,
  { model, newHead }: { readonly model: string; readonly newHead: boolean },
): MatchedWeights {
  try {
    return matchWeights(weights, wanted, { source, newHead });
  } catch (error) {
    const other = error instanceof MismatchError ? modelOf(weights, source) : undefined;
    if (other === undefined || other === model) throw error;
    throw new MismatchError(`${source} is not of ${model}; it looks like ${other}: use \`model\` ${other}`);
  }
}

/** The model's own state, without optimiser state. */
function ownState({ state }: CompiledNetwork): CompiledNetwork['state'] {
  return new Map([...state].filter(([, { role }]) => role !== 'optimizer'));
}

/**
 * Weights expect images with the normalisation of their training: another one is reported, because it may be
 * intended.
 */
function otherNormalization({ images }: WeightsSource, { transforms }: RunConfig): readonly string[] {
  if (!images) return [];
  const textOf = (numbers: TrainedImages['normalization']) => (numbers ? meansText(numbers) : 'as they are');
  const [said, is] = [textOf(images.normalization), textOf(transforms?.normalization)];
  if (said === is) return [];
  return [`warning: the weights were trained on images ${said}; these are ${is}: \`normalize\` changes that`];
}
