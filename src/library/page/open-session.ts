import type { TrainTest } from '../../data/dataset.ts';
import { AllocationError, type Engine } from '../../engine/engine.ts';
import { networkPeakBytes } from '../../plan/compiled-network.ts';
import { MemoryLimitError } from '../../plan/memory/error.ts';
import type { RunConfig } from '../../train/config.ts';
import { prepareRun } from '../../train/prepare-run.ts';
import type { OpenedRun } from '../fit.ts';

/** Parts of the memory of the plan that keeps all results, which are tried when the browser or its GPU refuses that. */
const SHARES = [0.75, 0.5, 0.35, 0.25];

/**
 * Compiles a run and opens a session for it. A page cannot ask how much memory there is: where it is refused,
 * plans that recompute results in the backward pass are tried. They are slower, with the same bits.
 * @throws AllocationError of the first plan, if the smallest is refused too.
 */
export async function openSession(config: RunConfig, data: TrainTest, engine: Engine): Promise<OpenedRun> {
  const { target, threads } = engine;
  const prepared = prepareRun(config, data, { target });
  const { network } = prepared.compiled;
  try {
    return { prepared, session: await engine.open(network) };
  } catch (refused) {
    if (!(refused instanceof AllocationError)) throw refused;
    const bytes = networkPeakBytes(network, threads);
    for (const share of SHARES) {
      try {
        const memory = { bytes: share * bytes, threads };
        const smaller = prepareRun(config, data, { target, memory });
        return { prepared: smaller, session: await engine.open(smaller.compiled.network) };
      } catch (error) {
        if (error instanceof MemoryLimitError) break;
        if (!(error instanceof AllocationError)) throw error;
      }
    }
    throw refused;
  }
}
