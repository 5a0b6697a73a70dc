import { averagedName } from '../compile.ts';
import type { Loader } from '../data/loader.ts';
import type { Moment } from '../data/transforms/augment.ts';
import { partOfInput } from '../engine/engine.ts';
import { programName, stepParts } from './programs.ts';
import type { StepTarget } from './step.ts';

/** Batches that statistics are measured on: by PyTorch's momentum of 0.1 half a percent is left of what they were. */
const BATCHES = 50;

/**
 * Measures the running statistics of averaged weights on training images. The average of all those weights' statistics is
 * not theirs: it has the noise in it that averaging took out of the weights (Izmailov et al. 2018, arXiv 1803.05407,
 * algorithm 1; PyTorch's `torch.optim.swa_utils.update_bn`). Begins with the statistics of the weights that are trained,
 * so it is a function of the weights and the moment, however often it is done.
 * @throws the signal's reason, between two batches; NonFiniteError.
 */
export async function measureAveragedStatistics(
  { session, network, microBatch, stage }: StepTarget,
  loader: Loader,
  moment: Moment,
  signal?: AbortSignal,
): Promise<void> {
  for (const name of network.state.keys()) {
    const of = averagedName(name);
    if (of !== undefined && network.state.get(of)!.role === 'buffer') {
      session.write(name, await session.read(of));
    }
  }
  const order = loader.order(moment);
  for (let i = 0; i < BATCHES; i++) {
    signal?.throwIfAborted();
    const { size, images, labels } = loader.batch(order, i % loader.fullBatches, moment);
    const { images: count } = stepParts(size, microBatch)[0]!;
    const inputs = {
      images: partOfInput(images, 0, (images.length / size) * count),
      labels: labels.subarray(0, count),
    };
    const program = programName('statistics', count, stage);
    if (network.programs.get(program)!.graph.updates.size === 0) return; // Its batch norms are frozen, or there are none.
    await session.run(program, inputs);
  }
}
