import { Argument, Command } from 'commander';
import { compile } from '../compile.ts';
import { countMacs } from '../graph/count-macs.ts';
import { MODEL_NAMES, modelByName } from '../model/zoo.ts';
import { plannedPeakBytes } from '../plan/plan.ts';
import { formatBytes, formatCount, formatTable } from './format.ts';
import { NOTES_DEFAULTS, options } from './options.ts';

interface SummaryOptions {
  readonly size: number;
  readonly batch: number;
  readonly channels?: number;
  readonly classes?: number;
  readonly threads: number;
  readonly json?: boolean;
}

export function summaryCommand(): Command {
  return new Command('summary')
    .description("a network's layers, parameters, multiplications and planned memory")
    .addArgument(new Argument('<model>', 'network').choices(MODEL_NAMES))
    .addOption(options.size().default(224))
    .addOption(options.batch().default(1))
    .addOption(options.channels())
    .addOption(options.classes())
    .addOption(options.precision().default(NOTES_DEFAULTS.precision))
    .addOption(options.threads())
    .addOption(options.json())
    .action(runSummary);
}

function runSummary(name: string, given: SummaryOptions): void {
  const { size, batch, channels, classes } = given;
  const model = modelByName(name, {
    ...(channels !== undefined && { channels }),
    ...(classes !== undefined && { classes }),
  })!;
  const { network, layers } = compile(model, [size, size], { train: { batch, mode: 'train' } });
  const { graph, plan } = network.programs.get('train')!;
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const macs = countMacs(graph) / batch;
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
      `${formatBytes(planned)} planned for a training step of ${batch} at ${size}×${size}\n`,
  );
}
