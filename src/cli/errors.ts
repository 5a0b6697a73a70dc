import { CommanderError } from 'commander';
import { DataError } from '../data/dataset.ts';
import { EngineError, NonFiniteError } from '../engine/engine.ts';
import { OnnxError } from '../io/onnx/error.ts';
import { LockedError } from '../io/run-lock.ts';
import { SafetensorsError } from '../io/safetensors.ts';
import { TorchFileError } from '../io/torch/error.ts';
import { WeightsError } from '../io/weights.ts';
import { CacheError } from '../node/cache-folder.ts';
import { ShapeError } from '../tensor/shape.ts';
import { CheckpointError } from '../train/checkpoint.ts';
import { ConfigError } from '../train/config.ts';
import { TrainingStoppedError } from '../train/trainer.ts';

/** The command line is wrong: says what was given, what is expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The file system ended a run that has a checkpoint. */
export class CutShortError extends Error {
  override readonly name = 'CutShortError';
  readonly resume: string;

  /** @param resume the command that continues the run. */
  constructor(cause: unknown, resume: string) {
    super((cause as Error).message, { cause });
    this.resume = resume;
  }
}

const BAD_INPUT = [
  UsageError,
  DataError,
  CacheError,
  SafetensorsError,
  TorchFileError,
  WeightsError,
  OnnxError,
  CheckpointError,
  ConfigError,
  ShapeError,
  LockedError,
  EngineError,
];

/** These are about room, and leave one way out. */
const NO_ROOM = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** What the file system says no with, in words. */
const FILE_SYSTEM: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than the system allows',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the disk is read-only',
  ENOENT: 'does not exist',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'is a folder',
  EEXIST: 'is there already, and is no folder',
};

/** Exit status and one line for whatever was thrown: 2 for bad usage or input, 1 for what failed. */
export function describeFailure(error: unknown): { readonly status: 1 | 2; readonly line: string } {
  if (error instanceof CommanderError) return { status: 2, line: error.message.replace(/^error: /, '') };
  if (error instanceof NonFiniteError || error instanceof TrainingStoppedError) {
    return { status: 1, line: error.message };
  }
  if (BAD_INPUT.some((kind) => error instanceof kind)) return { status: 2, line: (error as Error).message };
  if (error instanceof CutShortError) {
    const { code } = error.cause as NodeJS.ErrnoException;
    const remedy = NO_ROOM.includes(code!) ? 'free some room, then continue' : 'continue';
    return {
      status: 1,
      line: `${fileSystemLine(error.cause)}: ${remedy} from the last checkpoint with: ${error.resume}`,
    };
  }
  const refused = fileSystemLine(error);
  if (refused) {
    const noRoom = NO_ROOM.includes((error as NodeJS.ErrnoException).code!);
    return { status: 2, line: refused + (noRoom ? ': free some room or choose another place' : '') };
  }
  const { message, stack } = error as Error;
  return {
    status: 1,
    line: process.env.DENSOR_DEBUG ? String(stack) : `unexpected: ${message ?? String(error)}`,
  };
}

/** `run/log.jsonl: the disk is full (ENOSPC)`; undefined when the error is not the file system's. */
export function fileSystemLine(error: unknown): string | undefined {
  const { code, path } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : FILE_SYSTEM[code];
  return reason && `${path ? `${path}: ` : ''}${reason} (${code})`;
}
