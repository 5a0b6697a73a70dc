import { averagedName } from '../compile.ts';
import type { Loader } from '../data/loader.ts';
import type { Moment } from '../data/transforms/augment.ts';
import { partOfInput } from '../engine/engine.ts';
import { programName, stepParts } from './programs.ts';
import type { StepTarget } from './step.ts';

/**
 * Batches for measuring statistics: with PyTorch's momentum of 0.1, half a percent of the previous values remains.
 */
const BATCHES = 50;

/**
 * Measures the running statistics of averaged weights on training images. The average of the running statistics does
 * not fit the averaged weights: it contains the noise that averaging removes from the weights (Izmailov et al. 2018,
 * arXiv 1803.05407, algorithm 1; PyTorch's `torch.optim.swa_utils.update_bn`). Starts with the running statistics of
 * the trained weights, so the result depends only on the weights and the step, not on how often it is measured.
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
    if (network.programs.get(program)!.graph.updates.size === 0) return; // Its batch norms are frozen, or it has none.
    await session.run(program, inputs);
  }
}
