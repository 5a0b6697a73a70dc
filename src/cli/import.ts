import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { decodeClassNames } from '../io/class-names.ts';
import { describeReport } from '../io/match-weights.ts';
import type { ModelOverrides } from '../model/zoo.ts';
import { readFileLimited } from '../node/weights-file.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import { loadCheckpoint } from '../run/checkpoint-file.ts';
import { requireFree, runFiles } from '../run/run-folder.ts';
import { openWeights } from '../run/weights-source.ts';
import { writeRun } from '../run/write-run.ts';
import { counted } from '../tensor/counted.ts';
import { elementCount } from '../tensor/shape.ts';
import type { RunState } from '../train/checkpoint.ts';
import { importWeights } from '../train/import-weights.ts';
import { inFlags, UsageError } from './errors.ts';
import { showData } from './progress.ts';
import { print, printJson, say } from './terminal.ts';
import { reportAsJson } from './weights-report.ts';

interface ImportOptions extends ModelOverrides {
  readonly model?: string;
  readonly out: string;
  readonly size?: number;
  readonly normalize?: 'none' | 'imagenet';
  readonly weights?: string;
  /** Path of a file. */
  readonly classNames?: string;
  readonly seed: number;
  readonly json?: boolean;
}

export async function runImport(file: string, given: ImportOptions): Promise<void> {
  const source = await openWeights(file, showData(), given.weights);
  const name = given.model ?? source.network?.model;
  if (name === undefined) {
    throw new UsageError(`${file} does not contain the name of its network: specify it with --model`);
  }
  const names =
    given.classNames === undefined
      ? undefined
      : decodeClassNames(readFileLimited(given.classNames, 'a file of class names'), given.classNames);
  const request = {
    ...given,
    model: given.model ?? source.network?.network ?? name,
    classNames: names,
    namesFile: given.classNames,
  };
  const { checkpoint, model, state: wanted, report, remarks } = importWeights(source, request);
  for (const line of remarks) say(inFlags(line));
  const { run } = checkpoint;
  if (!isImported(given.out, run)) await writeRun(given.out, { last: checkpoint, best: checkpoint });

  const { size } = run.config;
  const { channels, classes } = model;
  const parameters = parameterCount(wanted);
  if (given.json) {
    const network = { model: name, classes, size };
    const result = { out: given.out, ...network, channels, parameters, ...reportAsJson(report) };
    printJson(result);
    return;
  }
  for (const line of describeReport(report)) say(inFlags(line));
  print([
    `${name}, ${channels}×${size}×${size}, ${counted(classes, 'class', 'classes')}, ${counted(parameters, 'parameter')}: ${given.out}`,
  ]);
}

/**
 * Whether the folder already contains the result of this import, because it was repeated or interrupted at the
 * end.
 * @throws DataError if it contains something else.
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
