import { z } from 'zod';
import { averagedName, isOptimizerState } from '../compile.ts';
import { asObject, type Json, JsonError, parseJson } from '../io/json.ts';
import { quoted } from '../io/quoted.ts';
import { decodeSafetensors, streamSafetensors } from '../io/safetensors.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import { counted } from '../tensor/counted.ts';
import { allFinite } from '../tensor/finite.ts';
import { InputError } from '../tensor/input-error.ts';
import { formatShape, shapesEqual } from '../tensor/shape.ts';
import { runConfigSchema } from './config.ts';

/** A checkpoint is damaged, or belongs to another model. */
export class CheckpointError extends InputError {
  override readonly name = 'CheckpointError';
}

const finite = z.number();
const natural = z.int().nonnegative();

/** Incremented when the content of a checkpoint changes. 2: numerics, logBytes. */
export const FORMAT = 2;
/**
 * Incremented when the bits of training results change: an older run can be resumed, with a warning. 2: all sums over
 * a batch are trees over its leaves.
 */
export const NUMERICS = 2;

/**
 * State of a run without its tensors. Random numbers are functions of seed, epoch and step: these are their state.
 */
const runStateSchema = z.strictObject({
  format: z.int().min(1).max(FORMAT),
  /** That of the version that trained last; checkpoints of format 1 have 1. */
  numerics: natural.default(1),
  /** Length of the run's log at this checkpoint: later events will be logged again. */
  logBytes: natural.optional(),
  config: runConfigSchema,
  /** Only the same engine and instruction set resume with the same bits. */
  engine: z.string(),
  isa: z.string(),
  progress: z.strictObject({
    /** The current epoch, from 0. */
    epoch: natural,
    /** Steps done in that epoch: the position in the data. */
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
  /** Results of the last epoch. With validation images, the test accuracy is only measured at the end. */
  last: z
    .strictObject({
      trainLoss: finite,
      trainAccuracy: finite,
      testAccuracy: finite.optional(),
      validationAccuracy: finite.optional(),
    })
    .optional(),
  /** The best epoch on the validation images or, without them, on the test images. */
  best: z
    .strictObject({
      epoch: natural,
      testAccuracy: finite.optional(),
      validationAccuracy: finite.optional(),
      /** Loss on the images that selected it: of equally accurate epochs, the one with the smaller loss. */
      loss: finite.optional(),
    })
    .optional(),
});

export type RunState = z.infer<typeof runStateSchema>;
/** The numbers of a state by name: float32, or float64 of the engine `reference`. */
export type StateNumbers = ReadonlyMap<string, Float32Array | Float64Array>;

/**
 * Parameters and running statistics under PyTorch's names, and the optimiser state; all of one type. Each tensor is
 * read when it is written, so that not all of an engine's tensors need to be copied at once. A `Session` is one.
 */
export interface StateReader {
  /** The numbers of one tensor, row by row. @throws CheckpointError where there is none of that name. */
  read(name: string): Promise<Float32Array | Float64Array>;
}

/** What a checkpoint is written from: how far the run is, and its state. */
export interface Checkpoint {
  readonly run: RunState;
  readonly state: StateReader;
}

/** A reader of tensors in memory, to write a checkpoint from. */
export function readerOf(numbers: StateNumbers): StateReader {
  return {
    read: async (name) => {
      const found = numbers.get(name);
      if (!found) throw new CheckpointError(`there is no tensor ${name}`);
      return found;
    },
  };
}

/** Tensors with their shapes, as stored in a file. */
export interface StoredTensors {
  readonly state: StateNumbers;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * A checkpoint for inference: parameters and running statistics under PyTorch's names, or their moving averages if
 * the run has them. `training` has all tensors, to resume from.
 */
export interface LoadedCheckpoint extends StoredTensors {
  readonly run: RunState;
  readonly training: StoredTensors;
}

const METADATA_KEY = 'densor';
/** The history of the longest run has six values for each of its 100,000 epochs. */
const RUN_LIMITS = { depth: 8, values: 2 ** 20 };

/**
 * Networks that have been renamed since a checkpoint of them was written, identified by a tensor that the network now
 * of that name lacks.
 */
const RENAMED_MODELS = [{ was: 'resnet18', is: 'resnet18-d2l', has: '0.0.weight' }] as const;

/**
 * A checkpoint as the bytes of a safetensors file, in chunks: each tensor is read when the previous chunks have been
 * consumed.
 */
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

/** Encodes a loaded checkpoint as the bytes of its file. */
export function encodeStored({ run, training }: LoadedCheckpoint): AsyncGenerator<Uint8Array> {
  const shapes = new Map([...training.shapes].map(([name, shape]) => [name, { shape }]));
  return encodeCheckpoint({ run, state: readerOf(training.state) }, shapes);
}

/** True if a file with this metadata is a checkpoint of a run, not just a file of weights. */
export function isCheckpoint(metadata: ReadonlyMap<string, string>): boolean {
  return metadata.has(METADATA_KEY);
}

/**
 * @param path for error messages. @throws CheckpointError, or SafetensorsError when the bytes are not valid
 * safetensors.
 */
export function decodeCheckpoint(bytes: Uint8Array, path: string): LoadedCheckpoint {
  const { metadata, tensors } = decodeSafetensors(bytes, path);
  const text = metadata.get(METADATA_KEY);
  if (text === undefined)
    throw new CheckpointError(`${path}: not a checkpoint of densor: metadata '${METADATA_KEY}' is missing`);
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
      throw new CheckpointError(`${path}: tensor ${quoted(name)} does not hold floating-point numbers`);
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

/**
 * A checkpoint from all tensors of a run. For inference, averages replace the tensors they average, and the optimiser
 * state is dropped.
 */
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

/**
 * @throws CheckpointError unless the checkpoint has exactly the tensors of the network, in their shapes, with finite
 * values.
 */
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
        `${path}: tensor ${name} is ${formatShape(stored)}, the model expects ${formatShape(shape)}`,
      );
    }
    if (!allFinite(state.get(name)!)) throw new CheckpointError(`${path}: tensor ${name} is not finite`);
  }
  const extra = [...shapes.keys()].find((name) => !network.has(name));
  if (extra !== undefined)
    throw new CheckpointError(`${path}: tensor ${quoted(extra)} is not part of the model`);
}

/** @throws CheckpointError unless the run's position is possible with this number of steps per epoch. */
export function requirePosition(path: string, { config, progress }: RunState, stepsPerEpoch: number): void {
  const { epoch, step, globalStep } = progress;
  if (epoch > config.epochs || step > stepsPerEpoch || globalStep !== epoch * stepsPerEpoch + step) {
    throw new CheckpointError(
      `${path}: the run stands at step ${step} of epoch ${epoch + 1}, ${globalStep} in all, which does not fit ` +
        `${counted(config.epochs, 'epoch')} of ${counted(stepsPerEpoch, 'step')}: has the data changed?`,
    );
  }
}
