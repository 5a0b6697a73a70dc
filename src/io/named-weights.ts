import { InputError } from '../tensor/input-error.ts';
import type { Shape } from '../tensor/shape.ts';

/** A file that holds no weights, or weights that do not fit the model. */
export class WeightsError extends InputError {
  override readonly name = 'WeightsError';
}

/** Of the name of a tensor in a file: longer ones are no names. */
export const MAX_NAME_CHARACTERS = 1024;

/** A tensor of a file. `read` gives its elements in the order of its shape (PyTorch's layouts: O, I, kH, kW). */
export interface WeightTensor {
  readonly shape: Shape;
  /** Its numbers, read when called. */
  readonly read: () => Float32Array;
}

/**
 * Reads a whole file in the folder of the one that names it. @param name a file name, which may be anything: only a plain
 * one of a file in that very folder is read.
 * @throws WeightsError, or the system's errors.
 */
export type ReadBeside = (name: string) => Uint8Array;

/** What a file of weights holds, under its own names, and what was noticed while it was read (whole sentences). */
export interface Weights {
  readonly format: string;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  readonly notes: readonly string[];
  /** Of a file that may hold several sets of weights: all of them, by where they are. `chooseWeights` takes one. */
  readonly stateDicts?: ReadonlyMap<string, ReadonlyMap<string, WeightTensor>>;
  /** What the file says of itself, in formats that have room for that. */
  readonly metadata?: ReadonlyMap<string, string>;
}
