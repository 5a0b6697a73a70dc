import { Command } from 'commander';
import { plannedPeakBytes } from '../plan/plan.ts';
import { announce, describeEngine, openEngine } from './engines.ts';
import { formatBytes } from './format.ts';
import { type MeasuredStepOptions, withMeasuredStep } from './options.ts';
import { syntheticStep } from './synthetic-step.ts';

export function benchCommand(): Command {
  return withMeasuredStep(new Command('bench'))
    .description('time training steps, or inference, on a synthetic batch')
    .action(runBench);
}

async function runBench(given: MeasuredStepOptions): Promise<void> {
  const { batch, steps } = given;
  const step = syntheticStep(given);
  const engine = await openEngine(given.engine, given.threads);
  try {
    const session = await step.open(engine);
    announce(given.engine);
    const stepMs: number[] = [];
    for (let i = -1; i < steps; i++) {
      const started = performance.now();
      await session.run(step.program, step.inputs, step.scalars);
      if (i >= 0) stepMs.push(performance.now() - started); // The first warms up.
    }
    const median = [...stepMs].sort((a, b) => a - b)[Math.floor(steps / 2)]!;
    const what = given.inference ? 'run' : 'step';
    const result = {
      examplesPerSecond: (1000 * batch) / median,
      stepMs,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      plannedPeakBytes: plannedPeakBytes([step.plan], engine.threads),
      engine: engine.name,
      isa: engine.isa,
      threads: engine.threads,
    };
    process.stdout.write(
      given.json
        ? `${JSON.stringify(result)}\n`
        : `${result.examplesPerSecond.toFixed(1)} examples/sec (${describeEngine(engine)}): median ${what} ${milliseconds(median)} of ${steps}, ` +
            `fastest ${milliseconds(Math.min(...stepMs))}; memory ${formatBytes(result.plannedPeakBytes)} planned, ` +
            `${formatBytes(result.peakRssBytes)} peak of the process\n`,
    );
  } finally {
    await engine.close();
  }
}

/** Short times with their fractions. */
function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 2 : 0)} ms`;
}
