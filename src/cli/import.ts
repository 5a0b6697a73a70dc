import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { Argument, type Command } from 'commander';
import { stateOf } from '../compile.ts';
import { fixedNormalization, meansText } from '../data/transforms/normalize.ts';
import { decodeClassNames } from '../io/class-names.ts';
import { describeReport, type WeightsReport } from '../io/match-weights.ts';
import { renameWeights, sizesOf } from '../io/weight-names.ts';
import { initialNumbers } from '../model/initialize.ts';
import type { Model } from '../model/module.ts';
import { trace } from '../model/trace.ts';
import { imageSizeOf, type ModelOverrides, modelByName } from '../model/zoo.ts';
import { readFileLimited } from '../node/weights-file.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import { loadCheckpoint, saveCheckpoint } from '../run/checkpoint-file.ts';
import { claimFolder, requireFree, runFiles } from '../run/run-folder.ts';
import { openWeights, startedFrom, type WeightsSource, weightsFor } from '../run/weights-source.ts';
import { counted } from '../tensor/counted.ts';
import { elementCount } from '../tensor/shape.ts';
import { type Checkpoint, FORMAT, NUMERICS, type RunState, readerOf } from '../train/checkpoint.ts';
import { type RunConfig, runConfigSchema } from '../train/config.ts';
import { NOTHING } from '../train/metrics.ts';
import { givenSchema, SETTINGS } from '../train/settings/table.ts';
import { inFlags, UsageError } from './errors.ts';
import { commandOf, NOTES_DEFAULTS } from './options.ts';
import { showData } from './progress.ts';
import { print, printJson, say } from './terminal.ts';
import { reportAsJson } from './weights-report.ts';

interface ImportOptions extends ModelOverrides {
  readonly model?: string;
  readonly out: string;
  readonly size?: number;
  readonly normalize?: 'none' | 'imagenet';
  readonly weights?: string;
  /** A file. */
  readonly classNames?: string;
  readonly seed: number;
  readonly json?: boolean;
}

export function importCommand(): Command {
  return commandOf('import', {
    description:
      'weights (.pth, .pt, .safetensors, .onnx) as a run to evaluate, or to train on with train --from',
    arguments: [
      new Argument('<file>', 'file of weights; its format is told by its content; or a name that pull knows'),
    ],
    own: {
      classNames: {
        schema: givenSchema(SETTINGS.dataDir),
        value: 'file',
        help: 'names of the classes: a line each, or JSON',
        unset: "the file's, else numbers",
      },
    },
    examples: [
      'import net.pth --model densenet121 --normalize imagenet --out runs/121',
      'import densenet121 --out runs/imagenet',
    ],
  }).action(runImport);
}

/** Images at a time when the network is evaluated. */
const BATCH = 32;

async function runImport(file: string, given: ImportOptions): Promise<void> {
  const source = await openWeights(file, showData(), given.weights);
  const name = given.model ?? source.network?.model;
  if (name === undefined) {
    throw new UsageError(`${file} does not say which network it is of: name it with --model`);
  }
  const usualSize = name === NOTES_DEFAULTS.model ? NOTES_DEFAULTS.size : imageSizeOf(name)!;
  const size = given.size ?? source.images?.size ?? usualSize;
  const model = modelFor(name, given, size, source);
  const { state: wanted, initializers } = networkOf(model, size);
  const { state: found, report } = weightsFor(source, wanted, {
    model: name,
    newHead: given.classes !== undefined,
  });
  const { seed } = given;
  const state = new Map(
    [...wanted].map(([name, { shape }]) => {
      const anew = () => initialNumbers(seed, name, elementCount(shape), initializers.get(name)!);
      return [name, found.get(name) ?? anew()] as const;
    }),
  );
  const { channels, classes } = model;
  const network = { model: name, classes, size };
  const classNames = classNamesFor(given.classNames, classes, source, report);
  const images = {
    ...(classNames && { classNames: [...classNames] }),
    ...imageTransforms(given.normalize, channels, source),
  };
  const run = untrained({ ...network, ...images, seed }, source);
  if (!isImported(given.out, run)) await writeRun(given.out, { run, state: readerOf(state) }, wanted);

  const parameters = parameterCount(wanted);
  if (given.json) {
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
 * The names that were given, or the file's own where they are of this classifier.
 * @throws ClassNamesError, UsageError when there are more or fewer than classes.
 */
function classNamesFor(
  given: string | undefined,
  classes: number,
  { images }: WeightsSource,
  { newHead }: WeightsReport,
): readonly string[] | undefined {
  if (given === undefined) {
    const own = images?.classNames;
    return own?.length === classes && newHead.length === 0 ? own : undefined;
  }
  const names = decodeClassNames(readFileLimited(given, 'a file of class names'), given);
  if (names.length === classes) return names;
  throw new UsageError(
    `${given} has ${counted(names.length, 'name')}, the network has ${counted(classes, 'class', 'classes')}: expected a name for each`,
  );
}

/**
 * How images are to be normalised: as is asked for, as the file says, or not at all, which is said.
 * @throws DataError when ImageNet's three numbers do not fit the channels.
 */
function imageTransforms(
  asked: 'none' | 'imagenet' | undefined,
  channels: number,
  { images }: WeightsSource,
): Pick<RunConfig, 'transforms'> {
  const known = images?.normalization?.mean.length === channels ? images.normalization : undefined;
  if (asked === undefined && !images) {
    say('note: nothing says how its images were normalised, so they will not be: --normalize imagenet does');
  }
  if (asked === undefined && known) say(`images are normalised as the file says: ${meansText(known)}`);
  const numbers = asked === undefined ? known : fixedNormalization(asked, channels);
  if (!numbers) return {};
  const normalization = { mean: [...numbers.mean], std: [...numbers.std] };
  return { transforms: { augment: [], normalize: asked ?? 'measured', normalization } };
}

/** The state of a run that has not begun: what it says of training are defaults, and it knows of no data. */
function untrained(
  network: Pick<RunConfig, 'model' | 'classes' | 'size' | 'seed' | 'classNames' | 'transforms'>,
  source: WeightsSource,
): RunState {
  const { epochs, lr, precision } = NOTES_DEFAULTS;
  const config = {
    recipe: 'notes',
    ...network,
    batch: BATCH,
    epochs,
    lr,
    precision,
    startedFrom: startedFrom(source),
  };
  return {
    format: FORMAT,
    numerics: NUMERICS,
    config: runConfigSchema.parse(config),
    engine: 'none',
    isa: 'none',
    progress: { epoch: 0, step: 0, globalStep: 0, sums: NOTHING, trainedExamples: 0, trainMs: 0 },
    history: [],
  };
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

/** Both checkpoints that a run can have, alike. */
async function writeRun(
  folder: string,
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, StateTensor>,
): Promise<void> {
  const claimed = claimFolder(folder);
  const { last, best } = runFiles(folder);
  let made: readonly string[] = [];
  try {
    requireFree(folder); // Another process may have been faster.
    made = [best, last];
    for (const path of made) await saveCheckpoint(path, checkpoint, shapes);
    claimed.release();
  } catch (error) {
    claimed.abandon(made); // Also where it was only not made durable: the same command works again.
    throw error;
  }
}

function parameterCount(state: ReadonlyMap<string, StateTensor>): number {
  const parameters = [...state.values()].filter(({ role }) => role === 'parameter');
  return parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/** The model with as many channels and classes as asked for, or else as the file has. */
function modelFor(
  name: string,
  { channels, classes }: ImportOptions,
  size: number,
  source: WeightsSource,
): Model {
  const asked = { ...(channels !== undefined && { channels }), ...(classes !== undefined && { classes }) };
  const usual = modelByName(name, asked);
  const { state } = networkOf(usual, size);
  const sizes = sizesOf(renameWeights(source.weights, state.keys(), source.source), state);
  return modelByName(name, { ...sizes, ...asked });
}

function networkOf(model: Model, size: number) {
  const { graph, initializers } = trace(model, 1, [size, size], 'evaluate');
  return { state: stateOf(graph), initializers };
}
