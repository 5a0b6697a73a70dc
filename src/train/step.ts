import {
  type Input,
  type Numbers,
  type Outputs,
  partOfInput,
  type RunScalars,
  type Session,
} from '../engine/engine.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { randomBits, streamOf } from '../tensor/random.ts';
import { stepParts } from './programs.ts';
import type { StageName } from './stages.ts';

/** The session that runs training steps: its network has the programs of `programsFor`. */
export interface StepTarget {
  readonly session: Pick<Session, 'run' | 'read' | 'write'>;
  readonly network: CompiledNetwork;
  readonly microBatch?: number | undefined;
  /** Default: `whole`. */
  readonly stage?: StageName;
}

export interface StepBatch {
  readonly size: number;
  readonly images: Input;
  readonly labels: Int32Array;
  /** Required if the network's training programs are weighted. */
  readonly imageWeights?: Float32Array;
}

/** For the whole batch, before the step: the mean loss, and the number of correct predictions. */
export interface StepResult {
  readonly loss: number;
  readonly correct: number;
}

/**
 * One training step, in parts if the batch is larger than a micro-batch: loss and gradients are those of the whole
 * batch, accumulated over the parts, and the parameters change once. A batch norm uses the statistics of each part,
 * and its running statistics are updated by each (as in PyTorch's loop of several `backward`s before a `step`).
 * @param whenRead called when the batch is no longer needed, while its last part runs: a loader has only one batch
 * buffer.
 * @throws NonFiniteError from any part; the state is then unchanged.
 */
export async function runStep(
  { session, network, microBatch, stage }: StepTarget,
  { size, images, labels, imageWeights }: StepBatch,
  scalars: RunScalars,
  whenRead: () => void = () => {},
): Promise<StepResult> {
  const parts = stepParts(size, microBatch, stage);
  const before = parts.length > 1 ? await runningStatistics(session, network) : [];
  const ofPart = (all: Input, first: number, count: number) => {
    const each = all.length / size;
    return partOfInput(all, first * each, (first + count) * each);
  };
  let [loss, correct] = [0, 0];
  try {
    for (const { program, first, images: count } of parts) {
      const inputs = {
        ...{ images: ofPart(images, first, count), labels: ofPart(labels, first, count) },
        ...(imageWeights && { imageWeights: ofPart(imageWeights, first, count) }),
      };
      const running = session.run(program, inputs, { ...scalars, firstImage: first });
      let outputs: Outputs;
      try {
        if (first + count === size) whenRead();
      } finally {
        outputs = await running;
      }
      loss += outputs.get('loss')![0]!;
      correct += outputs.get('correct')![0]!;
    }
  } catch (error) {
    for (const [name, numbers] of before) session.write(name, numbers);
    throw error;
  }
  return { loss, correct };
}

/**
 * Seed of the random numbers of step `index`, from 0: a function of the run's seed, so that a resumed run has the
 * same dropout masks.
 */
export function stepSeedOf(seed: number, index: number): number {
  return randomBits(seed, streamOf('step'), index);
}

/** State that earlier parts change before the last part has tested that all values are finite. */
async function runningStatistics(
  session: Pick<Session, 'read'>,
  { state }: CompiledNetwork,
): Promise<readonly (readonly [string, Numbers])[]> {
  const names = [...state].flatMap(([name, { role }]) => (role === 'buffer' ? [name] : []));
  const read: (readonly [string, Numbers])[] = [];
  for (const name of names) read.push([name, await session.read(name)]);
  return read;
}
