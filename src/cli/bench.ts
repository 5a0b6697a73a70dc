import { modelByName } from '../model/zoo.ts';
import { networkPeakBytes } from '../plan/compiled-network.ts';
import { hasDeviceMemory } from '../run/process-memory.ts';
import { requireMicroBatch } from '../train/config.ts';
import { RunQueue } from '../train/run-queue.ts';
import { type AllowedForms, stepForms } from '../train/step-form.ts';
import { announce, describeEngine, openEngine } from './engines.ts';
import { UsageError } from './errors.ts';
import { formatBytes } from './format.ts';
import { collectGarbage } from './heap.ts';
import { median } from './median.ts';
import { withinLimit } from './memory-limit.ts';
import { type MeasuredStepOptions, withDefaultSize } from './options.ts';
import { syntheticStep } from './synthetic-step.ts';
import { print, printJson } from './terminal.ts';

interface BenchOptions extends MeasuredStepOptions {
  readonly precision: AllowedForms['precision'];
  readonly microBatch?: AllowedForms['microBatch'];
  readonly memoryLimit?: number;
}

export async function runBench(asked: BenchOptions): Promise<void> {
  const given = withDefaultSize(asked);
  const { microBatch, ...measured } = given;
  const { batch, steps } = measured;
  if (microBatch !== 'auto') requireMicroBatch(microBatch, batch);
  if (given.inference && microBatch !== undefined) {
    throw new UsageError('--micro-batch applies only to training steps: omit it with --inference');
  }
  const engine = await openEngine(given.engine, given.threads);
  try {
    const { prepared: step, form } = withinLimit({
      limit: given.memoryLimit,
      engine,
      needs: { loaderBytes: batch * given.size ** 2 * modelByName(given.model).channels },
      batch,
      isInference: given.inference ?? false,
      forms: stepForms(given),
      compile: (form, memory) => syntheticStep({ ...measured, ...form }, { memory, target: engine.target }),
    });
    const { network } = step.compiled;
    await collectGarbage(); // Before long-lived memory is allocated.
    const session = await step.open(engine);
    announce(given.engine, engine);
    await step.run(session); // A warm-up.
    const stepMs: number[] = [];
    const runs = new RunQueue<void>(session, form.microBatch === undefined ? undefined : 1); // As in training.
    let doneAt = 0;
    for (let i = 0; i < steps; i++) {
      const started = performance.now();
      runs.add(step.run(session), () => {
        const now = performance.now();
        stepMs.push(now - Math.max(started, doneAt));
        doneAt = now;
      });
      await runs.room();
    }
    await runs.finish();
    const medianMs = median(stepMs);
    const what = given.inference ? 'run' : 'step';
    const result = {
      model: given.model,
      size: given.size,
      batch,
      examplesPerSecond: (1000 * batch) / medianMs,
      stepMs,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      plannedPeakBytes: networkPeakBytes(network, engine.threads),
      engine: engine.name,
      isa: engine.isa,
      ...form,
      threads: engine.threads,
    };
    if (given.json) printJson(result);
    else
      print([
        `${result.examplesPerSecond.toFixed(1)} examples/sec (${describeEngine(engine)}${form.precision === 'f32' ? '' : `, ${form.precision}`}): median ${what} ${milliseconds(medianMs)} of ${steps}, ` +
          `fastest ${milliseconds(Math.min(...stepMs))}; memory ${formatBytes(result.plannedPeakBytes)} ${hasDeviceMemory(engine.name) ? 'of GPU buffers' : 'planned'}, ` +
          `${formatBytes(result.peakRssBytes)} peak of the process`,
      ]);
  } finally {
    await engine.close();
  }
}

/** A time with unit; short ones with decimals. */
function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 2 : 0)} ms`;
}
