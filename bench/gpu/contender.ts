import { syntheticStep } from '../../src/cli/synthetic-step.ts';
import { networkPeakBytes } from '../../src/plan/compiled-network.ts';
import { RunQueue } from '../../src/train/run-queue.ts';
import { answerLines } from '../common/answer.ts';
import { openContender } from '../common/engines.ts';
import type { GpuCase } from './cases.ts';
import type { StepAnswer } from './rounds.ts';

/**
 * A contender process of bench/gpu: training steps of Densor. Each line of input is answered by the time of a step,
 * averaged over as many steps as fit into a duration; as in training, a GPU need not wait for the host between two steps. Arguments: name (`webgpu:f32`, `native:avx512:bf16`), the case,
 * number of threads, the duration in ms.
 */

const MOST_STEPS = 50;

const [name, text, threads, measureMs] = process.argv.slice(2) as [string, string, string, string];
const { model, size, batch } = JSON.parse(text) as GpuCase;

await answerLines(async () => {
  const started = performance.now();
  const engine = await openContender(name, Number(threads));
  const precision = name.endsWith(':bf16') ? 'bf16' : 'f32';
  const step = syntheticStep({ model, size, batch, precision }, { target: engine.target });
  const session = await step.open(engine);
  const timed = async (steps: number) => {
    const from = performance.now();
    const runs = new RunQueue<void>(session);
    for (let k = 0; k < steps; k++) {
      runs.add(step.run(session), () => {});
      await runs.room();
    }
    await runs.finish();
    return (performance.now() - from) / steps;
  };
  await timed(1);
  const openMs = performance.now() - started;
  const steps = Math.max(1, Math.min(MOST_STEPS, Math.round(Number(measureMs) / (await timed(1)))));
  const about = {
    engine: engine.name,
    isa: engine.isa,
    openMs,
    plannedPeakBytes: networkPeakBytes(step.compiled.network, engine.threads),
  };
  return async (): Promise<StepAnswer> => ({ ms: await timed(steps), steps, ...about });
});
