import { Command, Option } from 'commander';
import { compile } from '../compile.ts';
import { DataError, requireLabels } from '../data/dataset.ts';
import { openDataset } from '../data/open-dataset.ts';
import { modelByName } from '../model/zoo.ts';
import { loadCheckpoint, requireFits } from '../train/checkpoint.ts';
import { evaluate } from '../train/evaluate.ts';
import { accuracy, meanLoss } from '../train/metrics.ts';
import { programsFor } from '../train/programs.ts';
import { runFiles } from '../train/run-folder.ts';
import { type EngineName, openEngine } from './engines.ts';
import { UsageError } from './errors.ts';
import { options } from './options.ts';
import { showData, showTesting } from './progress.ts';

interface EvaluateOptions {
  readonly checkpoint: 'last' | 'best';
  readonly data?: string;
  readonly dataDir?: string;
  readonly engine: EngineName;
  readonly threads: number;
  readonly json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('loss and accuracy of a trained network on the test images')
    .argument('<run>', 'output folder of train or import')
    .addOption(new Option('--checkpoint <which>', 'which one').choices(['last', 'best']).default('last'))
    .addOption(options.data())
    .addOption(options.dataDir())
    .addOption(options.engine())
    .addOption(options.threads())
    .addOption(options.json())
    .action(runEvaluate);
}

async function runEvaluate(folder: string, given: EvaluateOptions): Promise<void> {
  const path = runFiles(folder)[given.checkpoint];
  const checkpoint = loadCheckpoint(path);
  const { config } = checkpoint.run;
  const name = given.data ?? config.data;
  if (name === undefined) {
    throw new UsageError(`${folder} holds imported weights and knows of no data: say which by --data`);
  }
  const { test } = await openDataset(name, given.dataDir, showData());
  requireLabels(test, config.classes);
  if (config.channels !== undefined && config.channels !== test.channels) {
    throw new DataError(
      `${test.name} has images of ${test.channels} channels, the network of ${folder} wants ${config.channels}`,
    );
  }
  const model = modelByName(config.model, { channels: test.channels, classes: config.classes });
  if (!model) throw new UsageError(`${path} is of model ${config.model}, which does not exist here`);
  const size = [config.size, config.size] as const;
  const programs = programsFor('evaluate', { count: test.count, batch: config.batch });
  const { network } = compile(model, size, programs);
  requireFits(path, checkpoint, network.state);

  const engine = await openEngine(given.engine, given.threads);
  try {
    const session = await engine.open(network);
    for (const [name, numbers] of checkpoint.state) session.write(name, numbers);
    const started = performance.now();
    const sums = await evaluate(session, test, { size, batch: config.batch }, showTesting());
    const seconds = (performance.now() - started) / 1000;
    const result = {
      testLoss: meanLoss(sums),
      testAccuracy: accuracy(sums),
      images: sums.count,
      examplesPerSecond: sums.count / seconds,
      engine: engine.name,
      isa: engine.isa,
    };
    process.stdout.write(
      given.json
        ? `${JSON.stringify(result)}\n`
        : `test loss ${result.testLoss.toFixed(3)}, test acc ${result.testAccuracy.toFixed(4)} on ${sums.count} images (${result.examplesPerSecond.toFixed(1)} examples/sec)\n`,
    );
  } finally {
    await engine.close();
  }
}
