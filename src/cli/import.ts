import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { Argument, type Command } from 'commander';
import { describeReport } from '../io/weight-names.ts';
import type { ModelOverrides } from '../model/zoo.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import { loadCheckpoint } from '../run/checkpoint-file.ts';
import { requireFree, runFiles } from '../run/run-folder.ts';
import { openWeights } from '../run/weights-source.ts';
import { writeRun } from '../run/write-run.ts';
import { counted } from '../tensor/counted.ts';
import { elementCount } from '../tensor/shape.ts';
import type { RunState } from '../train/checkpoint.ts';
import { importWeights } from '../train/import-weights.ts';
import { inFlags } from './errors.ts';
import { commandOf } from './options.ts';
import { say } from './terminal.ts';
import { reportAsJson } from './weights-report.ts';

interface ImportOptions extends ModelOverrides {
  readonly model: string;
  readonly out: string;
  readonly size?: number;
  readonly normalize?: 'none' | 'imagenet';
  readonly seed: number;
  readonly json?: boolean;
}

export function importCommand(): Command {
  return commandOf('import', {
    description:
      'weights (.pth, .pt, .safetensors, .onnx) as a run to evaluate, or to train on with train --from',
    arguments: [new Argument('<file>', 'file of weights; its format is told by its content')],
    examples: [
      'import net.pth --model densenet121 --normalize imagenet --out runs/121',
      'import best.safetensors --model densenet-fashion --out runs/imported',
    ],
  }).action(runImport);
}

async function runImport(file: string, given: ImportOptions): Promise<void> {
  const source = await openWeights(file);
  const { checkpoint, model, state: wanted, report, remarks } = importWeights(source, given);
  for (const line of remarks) say(inFlags(line));
  const { run } = checkpoint;
  if (!isImported(given.out, run)) await writeRun(given.out, { last: checkpoint, best: checkpoint });

  const { size } = run.config;
  const { channels, classes } = model;
  const parameters = parameterCount(wanted);
  if (given.json) {
    const network = { model: given.model, classes, size };
    const result = { out: given.out, ...network, channels, parameters, ...reportAsJson(report) };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const line of describeReport(report)) say(line);
  process.stdout.write(
    `${given.model}, ${channels}×${size}×${size}, ${counted(classes, 'class', 'classes')}, ${counted(parameters, 'parameter')}: ${given.out}\n`,
  );
}

/**
 * Whether the folder holds this very import: it was ended after its last file was written, or is given again.
 * @throws DataError where it holds something else.
 */
function isImported(folder: string, { config }: RunState): boolean {
  const { last } = runFiles(folder);
  if (existsSync(last) && isDeepStrictEqual(loadCheckpoint(last).run.config, config)) return true;
  requireFree(folder);
  return false;
}

function parameterCount(state: ReadonlyMap<string, StateTensor>): number {
  const parameters = [...state.values()].filter(({ role }) => role === 'parameter');
  return parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
