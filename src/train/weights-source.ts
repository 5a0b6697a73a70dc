import { meansText } from '../data/transforms/normalize.ts';
import {
  describeReport,
  type MatchedWeights,
  MisfitError,
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
  /** Of the weights, of a file with several. */
  readonly name?: string;
  readonly weights: Weights;
  /** Their network, where a checkpoint says it or the weights are known. */
  readonly network?: Pick<RunConfig, 'model' | 'network' | 'size'>;
  /** The images that they were trained on, where that is known. */
  readonly images?: TrainedImages | undefined;
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
