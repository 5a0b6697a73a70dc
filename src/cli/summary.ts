import { Argument, Command } from 'commander';
import { compile } from '../compile.ts';
import { countMacs } from '../graph/count-macs.ts';
import type { Model } from '../model/module.ts';
import { imageSizeOf, MODEL_NAMES_TEXT, modelByName } from '../model/zoo.ts';
import { type Plan, plannedPeakBytes } from '../plan/plan.ts';
import type { Precision } from '../tensor/precision.ts';
import { ShapeError } from '../tensor/shape.ts';
import { formatBytes, formatCount, formatTable } from './format.ts';
import { modelName, NOTES_DEFAULTS, options } from './options.ts';

interface SummaryOptions {
  readonly size?: number;
  readonly batch: number;
  readonly channels?: number;
  readonly classes?: number;
  readonly precision: Precision;
  readonly threads: number;
  readonly json?: boolean;
}

export function summaryCommand(): Command {
  return new Command('summary')
    .description("a network's layers, parameters, multiplications and planned memory")
    .addArgument(new Argument('<model>', `network: ${MODEL_NAMES_TEXT}`).argParser(modelName))
    .addOption(options.size().default(undefined, "the network's own: 224, or 32 of the networks for CIFAR"))
    .addOption(options.batch().default(1))
    .addOption(options.channels())
    .addOption(options.classes())
    .addOption(options.precision().default(NOTES_DEFAULTS.precision))
    .addOption(options.threads())
    .addOption(options.json())
    .action(runSummary);
}

function runSummary(name: string, given: SummaryOptions): void {
  const { size = imageSizeOf(name)!, batch, channels, classes, precision } = given;
  const model = modelByName(name, {
    ...(channels !== undefined && { channels }),
    ...(classes !== undefined && { classes }),
  })!;
  const { network, layers } = compile(
    model,
    [size, size],
    { evaluate: { batch, mode: 'evaluate' } },
    { precision },
  );
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const macs = countMacs(network.programs.get('evaluate')!.graph) / batch;
  const training = trainingPlan(model, size, batch, precision);
  const plan = training ?? network.programs.get('evaluate')!.plan;
  const planned = plannedPeakBytes([plan], given.threads);
  if (given.json) {
    const result = { parameters, macs, plannedPeakBytes: planned, layers };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const rows = layers.map((layer) => [
    layer.name,
    layer.outputShape.join('×'),
    layer.parameters > 0 ? formatCount(layer.parameters) : '',
  ]);
  process.stdout.write(
    `${formatTable([['layer', 'output shape', 'parameters'], ...rows])}\n\n` +
      `${formatCount(parameters)} parameters, ${formatCount(macs)} multiplications per image, ` +
      `${formatBytes(planned)} planned for ${training ? 'a training step' : 'the evaluation (one value per channel: no training)'} of ${batch} at ${size}×${size}\n`,
  );
}

/** The plan of a training step; undefined where a batch norm would see a single value per channel. */
function trainingPlan(model: Model, size: number, batch: number, precision: Precision): Plan | undefined {
  try {
    return compile(
      model,
      [size, size],
      { train: { batch, mode: 'train' } },
      { precision },
    ).network.programs.get('train')!.plan;
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}
