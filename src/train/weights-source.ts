import { meansText } from '../data/transforms/normalize.ts';
import type { TrainedImages } from '../io/model-card.ts';
import { describeReport, matchWeights, type WeightsReport } from '../io/weight-names.ts';
import type { Weights } from '../io/weights.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import type { StateNumbers } from './checkpoint.ts';
import type { RunConfig } from './config.ts';

/** Weights from a file, which may be a run's checkpoint. */
export interface WeightsSource {
  /** The file they are in. */
  readonly source: string;
  readonly sha256: string;
  readonly weights: Weights;
  /** What a checkpoint says about its network. */
  readonly network?: Pick<RunConfig, 'model' | 'network' | 'size'>;
  /** The images that they were trained on, where that is known. */
  readonly images?: TrainedImages | undefined;
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
