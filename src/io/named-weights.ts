import { InputError } from '../tensor/input-error.ts';
import type { Shape } from '../tensor/shape.ts';

/** A file contains no weights, or weights that do not match the model. */
export class WeightsError extends InputError {
  override readonly name = 'WeightsError';
}

/** Limit on the length of a tensor name in a file. */
export const MAX_NAME_CHARACTERS = 1024;

/** A tensor of a file. `read` returns its elements in row-major order (PyTorch's layout: O, I, kH, kW). */
export interface WeightTensor {
  readonly shape: Shape;
  /** Its numbers, read when called. */
  readonly read: () => Float32Array;
}

/**
 * Reads a file that another file refers to, from the same folder.
 * @param name untrusted; only plain names of files in that folder are accepted.
 * @throws WeightsError, or system errors.
 */
export type ReadBeside = (name: string) => Uint8Array;

/** The contents of a file of weights under its own names, and notes from reading it (whole sentences). */
export interface Weights {
  readonly format: string;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  readonly notes: readonly string[];
  /**
   * All sets of weights by their path in the file, for formats that allow several. `chooseWeights` selects one.
   */
  readonly stateDicts?: ReadonlyMap<string, ReadonlyMap<string, WeightTensor>>;
  /** Metadata of the file, for formats that have it. */
  readonly metadata?: ReadonlyMap<string, string>;
}
