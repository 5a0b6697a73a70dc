import { Command } from 'commander';
import { plannedPeakBytes } from '../plan/plan.ts';
import { announce, describeEngine, type EngineName, openEngine } from './engines.ts';
import { formatBytes } from './format.ts';
import { defaultSize, NOTES_DEFAULTS, options } from './options.ts';
import { syntheticStep } from './synthetic-step.ts';

interface BenchOptions {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly steps: number;
  readonly engine: EngineName;
  readonly threads: number;
  readonly json?: boolean;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('time training steps on a synthetic batch')
    .addOption(options.model().default(NOTES_DEFAULTS.model))
    .addOption(options.size().default(undefined, '96, or 32 of the networks for CIFAR'))
    .addOption(options.batch().default(NOTES_DEFAULTS.batch))
    .addOption(options.steps())
    .addOption(options.engine())
    .addOption(options.precision().default(NOTES_DEFAULTS.precision))
    .addOption(options.threads())
    .addOption(options.json())
    .action(runBench);
}

async function runBench(asked: Omit<BenchOptions, 'size'> & { readonly size?: number }): Promise<void> {
  const given: BenchOptions = { ...asked, size: asked.size ?? defaultSize(asked.model) };
  const { batch, steps } = given;
  const step = syntheticStep(given);
  const engine = await openEngine(given.engine, given.threads);
  try {
    const session = await step.open(engine);
    announce(given.engine);
    const stepMs: number[] = [];
    for (let i = -1; i < steps; i++) {
      const started = performance.now();
      await session.run('train', step.inputs, step.scalars);
      if (i >= 0) stepMs.push(performance.now() - started); // The first warms up.
    }
    const median = [...stepMs].sort((a, b) => a - b)[Math.floor(steps / 2)]!;
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
        : `${result.examplesPerSecond.toFixed(1)} examples/sec (${describeEngine(engine)}): median step ${median.toFixed(0)} ms of ${steps}, ` +
            `fastest ${Math.min(...stepMs).toFixed(0)} ms; memory ${formatBytes(result.plannedPeakBytes)} planned, ` +
            `${formatBytes(result.peakRssBytes)} peak of the process\n`,
    );
  } finally {
    await engine.close();
  }
}
