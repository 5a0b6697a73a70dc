import { Command } from 'commander';
import { plannedPeakBytes } from '../plan/plan.ts';
import { announce, describeEngine, openEngine } from './engines.ts';
import { formatBytes } from './format.ts';
import { type MeasuredStepOptions, options, withMeasuredStep } from './options.ts';
import { requireMicroBatch } from '../train/config.ts';
import { runStep } from '../train/step.ts';
import { syntheticStep } from './synthetic-step.ts';

export function benchCommand(): Command {
  return withMeasuredStep(new Command('bench'))
    .addOption(options.microBatch())
    .description('time training steps on a synthetic batch')
    .action(runBench);
}

interface BenchOptions extends MeasuredStepOptions {
  readonly microBatch?: number;
}

async function runBench(given: BenchOptions): Promise<void> {
  const { batch, microBatch, steps } = given;
  requireMicroBatch(microBatch, batch);
  const step = syntheticStep(given);
  const { network } = step;
  const plans = [...network.programs.values()].map(({ plan }) => plan);
  const engine = await openEngine(given.engine, given.threads);
  try {
    const session = await step.open(engine);
    announce(given.engine);
    const stepMs: number[] = [];
    for (let i = -1; i < steps; i++) {
      const started = performance.now();
      await runStep({ session, network, microBatch }, step.batch, step.scalars);
      if (i >= 0) stepMs.push(performance.now() - started); // The first warms up.
    }
    const median = [...stepMs].sort((a, b) => a - b)[Math.floor(steps / 2)]!;
    const result = {
      examplesPerSecond: (1000 * batch) / median,
      stepMs,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      plannedPeakBytes: plannedPeakBytes(plans, engine.threads),
      engine: engine.name,
      isa: engine.isa,
      threads: engine.threads,
    };
    process.stdout.write(
      given.json
        ? `${JSON.stringify(result)}\n`
        : `${result.examplesPerSecond.toFixed(1)} examples/sec (${describeEngine(engine)}): median step ${median.toFixed(0)} ms of ${steps}, ` +
            `fastest ${Math.min(...stepMs).toFixed(0)} ms; memory ${formatBytes(result.plannedPeakBytes)} planned, ` +
            `${formatBytes(result.peakRssBytes)} peak of the process\n`,
    );
  } finally {
    await engine.close();
  }
}
