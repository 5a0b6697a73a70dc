import { compile } from '../compile.ts';
import { countMacs } from '../graph/count-macs.ts';
import type { Model } from '../model/module.ts';
import { trace } from '../model/trace.ts';
import { imageSizeOf, modelByName } from '../model/zoo.ts';
import { type CompiledNetwork, networkPeakBytes } from '../plan/compiled-network.ts';
import type { Target } from '../plan/target.ts';
import { counted } from '../tensor/counted.ts';
import { ShapeError } from '../tensor/shape.ts';
import { requireMicroBatch } from '../train/config.ts';
import { programsFor } from '../train/programs.ts';
import { type AllowedForms, type StepForm, stepForms } from '../train/step-form.ts';
import { type EngineName, targetOf } from './engines.ts';
import { UsageError } from './errors.ts';
import { formatBytes, formatCount, formatTable } from './format.ts';
import { print, printJson } from './terminal.ts';

interface SummaryOptions {
  readonly size?: number;
  readonly batch: number;
  readonly microBatch?: AllowedForms['microBatch'];
  readonly channels?: number;
  readonly classes?: number;
  readonly precision: AllowedForms['precision'];
  readonly engine: EngineName;
  readonly threads: number;
  readonly memory?: boolean;
  readonly memoryLimit?: number;
  readonly out?: string;
  readonly json?: boolean;
}

export async function runSummary(name: string, given: SummaryOptions): Promise<void> {
  const { size = imageSizeOf(name)!, batch, channels, classes } = given;
  if (given.microBatch !== 'auto') requireMicroBatch(given.microBatch, batch);
  const model = modelByName(name, {
    ...(channels !== undefined && { channels }),
    ...(classes !== undefined && { classes }),
  });
  const target = await targetOf(given.engine);
  if (given.memory || given.memoryLimit !== undefined) {
    const { summarizeMemory } = await import('./summary-memory.ts');
    return summarizeMemory({ ...given, name, model, size, batch, target });
  }
  const { precision, microBatch } = stepForms({ ...given, batch }).preferred;
  if (given.out !== undefined) throw new UsageError('--out is the file of the memory plot: add --memory');
  const { graph, layers } = trace(model, batch, [size, size], 'evaluate');
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const macs = countMacs(graph) / batch;
  const training = trainingNetwork(model, size, target, { batch, precision, microBatch });
  const network = training ?? evaluationNetwork(model, size, target, { batch, precision });
  const planned = networkPeakBytes(network, given.threads);
  const atATime = microBatch === undefined ? '' : `, at most ${microBatch} at a time`;
  if (given.json) {
    const result = { parameters, macs, plannedPeakBytes: planned, layers };
    printJson(result);
    return;
  }
  const rows = layers.map((layer) => [
    layer.name,
    layer.outputShape.join('×'),
    layer.parameters > 0 ? formatCount(layer.parameters) : '',
  ]);
  print([
    ...formatTable([['layer', 'output shape', 'parameters'], ...rows]),
    '',
    `${counted(parameters, 'parameter')}, ${counted(macs, 'multiplication')} per image, ` +
      `${formatBytes(planned)} planned for ${training ? 'a training step' : 'the evaluation (cannot be trained: batch norm would see one value per channel)'} of ${batch}${training ? atATime : ''} at ${size}×${size}`,
  ]);
}

function evaluationNetwork(
  model: Model,
  size: number,
  target: Target,
  { batch, precision }: StepForm & { readonly batch: number },
): CompiledNetwork {
  return compile(model, [size, size], programsFor('evaluate', { count: batch, batch }), { precision, target })
    .network;
}

/** The network of a training step; undefined where a batch norm would see a single value per channel. */
function trainingNetwork(
  model: Model,
  size: number,
  target: Target,
  { batch, microBatch, precision }: StepForm & { readonly batch: number },
): CompiledNetwork | undefined {
  try {
    const programs = programsFor('train', { count: batch, batch, microBatch });
    return compile(model, [size, size], programs, { precision, target }).network;
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}
