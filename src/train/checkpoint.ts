import { z } from 'zod';
import { averagedName, isOptimizerState } from '../compile.ts';
import { asObject, type Json, JsonError, parseJson } from '../io/json.ts';
import { quoted } from '../io/quoted.ts';
import { decodeSafetensors, streamSafetensors } from '../io/safetensors.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import { counted } from '../tensor/counted.ts';
import { InputError } from '../tensor/input-error.ts';
import { formatShape, shapesEqual } from '../tensor/shape.ts';
import { runConfigSchema } from './config.ts';

/** A checkpoint that is damaged, or of another model. */
export class CheckpointError extends InputError {
  override readonly name = 'CheckpointError';
}

const finite = z.number();
const natural = z.int().nonnegative();

/** Raised with every change of what a checkpoint holds. 2: numerics, logBytes. */
export const FORMAT = 2;
/**
 * Raised with every change of the bits that training gives: an older run goes on, with a warning. 2: all that is summed
 * over a batch is a tree over its leaves.
 */
export const NUMERICS = 2;

/** Everything of a run but its tensors. Random numbers are functions of seed, epoch and step: these are its state. */
const runStateSchema = z.strictObject({
  format: z.int().min(1).max(FORMAT),
  /** Of whoever trained last; checkpoints of format 1 are all of the first. */
  numerics: natural.default(1),
  /** Length of the run's log when this was saved: what is behind that will happen again. */
  logBytes: natural.optional(),
  config: runConfigSchema,
  /** The same engine and instruction set continue with the same bits. */
  engine: z.string(),
  isa: z.string(),
  progress: z.strictObject({
    /** Of the epoch at work, from 0. */
    epoch: natural,
    /** Done in that epoch: where the data stands. */
    step: natural,
    globalStep: natural,
    sums: z.strictObject({ loss: finite, correct: natural, count: natural }),
    trainedExamples: natural,
    trainMs: finite,
  }),
  history: z.array(
    z.strictObject({
      epoch: finite,
      trainLoss: finite.optional(),
      trainAccuracy: finite.optional(),
      testAccuracy: finite.optional(),
      validationAccuracy: finite.optional(),
      learningRate: finite.optional(),
    }),
  ),
  /** Of the last epoch. With held-out images test accuracies are known at the end only. */
  last: z
    .strictObject({
      trainLoss: finite,
      trainAccuracy: finite,
      testAccuracy: finite.optional(),
      validationAccuracy: finite.optional(),
    })
    .optional(),
  /** Of the epoch that was best on the held-out images or, without such, on the test images. */
  best: z
    .strictObject({
      epoch: natural,
      testAccuracy: finite.optional(),
      validationAccuracy: finite.optional(),
      /** On the images that it was best on: of equally accurate epochs the surer one. */
      loss: finite.optional(),
    })
    .optional(),
});

export type RunState = z.infer<typeof runStateSchema>;
export type StateNumbers = ReadonlyMap<string, Float32Array | Float64Array>;

/**
 * Parameters and running statistics under PyTorch's names, and what the optimiser remembers; all of one type. Each is
 * read when it is written, so that an engine's need not all be copied at once. A `Session` is one.
 */
export interface StateReader {
  read(name: string): Promise<Float32Array | Float64Array>;
}

export interface Checkpoint {
  readonly run: RunState;
  readonly state: StateReader;
}

/** Numbers that are in memory, as a checkpoint is written from. */
export function readerOf(numbers: StateNumbers): StateReader {
  return {
    read: async (name) => {
      const found = numbers.get(name);
      if (!found) throw new CheckpointError(`there are no numbers of ${name}`);
      return found;
    },
  };
}

/** Tensors with their shapes, as a file has them. */
export interface StoredTensors {
  readonly state: StateNumbers;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * A checkpoint to use: parameters and running statistics under PyTorch's names, the moving averages of them where the
 * run kept such. `training` is all there is, to go on from.
 */
export interface LoadedCheckpoint extends StoredTensors {
  readonly run: RunState;
  readonly training: StoredTensors;
}

const METADATA_KEY = 'densor';
/** The history of the longest run has six values for each of its 100,000 epochs. */
const RUN_LIMITS = { depth: 8, values: 2 ** 20 };

/** Networks that had another name when a checkpoint of them was written, told by a tensor that the name's network lacks. */
const RENAMED_MODELS = [{ was: 'resnet18', is: 'resnet18-d2l', has: '0.0.weight' }] as const;

/** A checkpoint as the bytes of a safetensors file, in chunks: each tensor is read when what is before it was taken. */
export async function* encodeCheckpoint(
  { run, state }: Checkpoint,
  shapes: ReadonlyMap<string, Pick<StateTensor, 'shape'>>,
): AsyncGenerator<Uint8Array> {
  const [first] = shapes.keys();
  const isDouble = first !== undefined && (await state.read(first)) instanceof Float64Array;
  const type = isDouble ? 'F64' : 'F32';
  const tensors = new Map([...shapes].map(([name, { shape }]) => [name, { shape, type } as const]));
  const metadata = new Map([[METADATA_KEY, JSON.stringify(run)]]);
  yield* streamSafetensors(metadata, tensors, (name) => state.read(name));
}

/** A checkpoint that was loaded, as the bytes of its file again. */
export function encodeStored({ run, training }: LoadedCheckpoint): AsyncGenerator<Uint8Array> {
  const shapes = new Map([...training.shapes].map(([name, shape]) => [name, { shape }]));
  return encodeCheckpoint({ run, state: readerOf(training.state) }, shapes);
}

/** Whether a file of this metadata is a checkpoint: what other files of weights hold is no run's. */
export function isCheckpoint(metadata: ReadonlyMap<string, string>): boolean {
  return metadata.has(METADATA_KEY);
}

/** @param path what to blame. @throws CheckpointError, or SafetensorsError when the bytes are no valid safetensors. */
export function decodeCheckpoint(bytes: Uint8Array, path: string): LoadedCheckpoint {
  const { metadata, tensors } = decodeSafetensors(bytes, path);
  const text = metadata.get(METADATA_KEY);
  if (text === undefined)
    throw new CheckpointError(`${path}: no checkpoint of densor: metadata '${METADATA_KEY}' is missing`);
  const json = parseRun(text, path);
  const format = asObject(json)?.format;
  if (typeof format === 'number' && format > FORMAT) {
    throw new CheckpointError(
      `${path}: a checkpoint of format ${format}, which a newer version of densor wrote; this one reads up to ` +
        `${FORMAT}: use the newer version`,
    );
  }
  const parsed = runStateSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new CheckpointError(`${path}: metadata ${issue.path.join('.') || METADATA_KEY}: ${issue.message}`);
  }
  const state = new Map<string, Float32Array | Float64Array>();
  for (const [name, { data }] of tensors) {
    if (!(data instanceof Float32Array || data instanceof Float64Array)) {
      throw new CheckpointError(`${path}: tensor ${quoted(name)} is not of float numbers`);
    }
    state.set(name, data);
  }
  const training = { state, shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])) };
  return loadedCheckpoint(withModelOfToday(parsed.data, training), training);
}

function withModelOfToday(run: RunState, { shapes }: StoredTensors): RunState {
  const renamed = RENAMED_MODELS.find(({ was, has }) => was === run.config.model && shapes.has(has));
  return renamed ? { ...run, config: { ...run.config, model: renamed.is } } : run;
}

/** @throws CheckpointError */
function parseRun(text: string, path: string): Json {
  try {
    return parseJson(text, RUN_LIMITS);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new CheckpointError(`${path}: damaged: metadata '${METADATA_KEY}' ${error.message}`);
  }
}

/** A checkpoint of all tensors of a run. To use it, averages stand for what they are of, without what the optimiser remembers. */
export function loadedCheckpoint(run: RunState, training: StoredTensors): LoadedCheckpoint {
  const { state, shapes } = training;
  const own = [...shapes].filter(([name]) => !isOptimizerState(name));
  const averages = new Map(
    [...state].flatMap(([name, data]) => {
      const of = averagedName(name);
      return of === undefined ? [] : [[of, data] as const];
    }),
  );
  return {
    run,
    shapes: new Map(own),
    state: new Map(own.map(([name]) => [name, averages.get(name) ?? state.get(name)!])),
    training,
  };
}

/** @throws CheckpointError unless the checkpoint holds exactly the tensors of the network, in their shapes, finite. */
export function requireFits(
  path: string,
  { state, shapes }: StoredTensors,
  network: ReadonlyMap<string, StateTensor>,
): void {
  for (const [name, { shape }] of network) {
    const stored = shapes.get(name);
    if (!stored) throw new CheckpointError(`${path}: tensor ${name} is missing`);
    if (!shapesEqual(stored, shape)) {
      throw new CheckpointError(
        `${path}: tensor ${name} is ${formatShape(stored)}, the model wants ${formatShape(shape)}`,
      );
    }
    if (!state.get(name)!.every(Number.isFinite))
      throw new CheckpointError(`${path}: tensor ${name} is not finite`);
  }
  const extra = [...shapes.keys()].find((name) => !network.has(name));
  if (extra !== undefined)
    throw new CheckpointError(`${path}: tensor ${quoted(extra)} is not part of the model`);
}

/** @throws CheckpointError unless the run stands where one with this many steps an epoch can stand. */
export function requirePosition(path: string, { config, progress }: RunState, stepsPerEpoch: number): void {
  const { epoch, step, globalStep } = progress;
  if (epoch > config.epochs || step > stepsPerEpoch || globalStep !== epoch * stepsPerEpoch + step) {
    throw new CheckpointError(
      `${path}: the run stands at step ${step} of epoch ${epoch + 1}, ${globalStep} in all, which does not fit ` +
        `${counted(config.epochs, 'epoch')} of ${counted(stepsPerEpoch, 'step')}: was the data another?`,
    );
  }
}
