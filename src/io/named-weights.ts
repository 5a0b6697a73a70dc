import { InputError } from '../tensor/input-error.ts';
import type { Shape } from '../tensor/shape.ts';

/** A file that holds no weights, or weights that do not fit the model. */
export class WeightsError extends InputError {
  override readonly name = 'WeightsError';
}

/** A tensor of a file. `read` gives its elements in the order of its shape (PyTorch's layouts: O, I, kH, kW). */
export interface WeightTensor {
  readonly shape: Shape;
  readonly read: () => Float32Array;
}

/** What a file of weights holds, under its own names, and what was noticed while it was read (whole sentences). */
export interface Weights {
  readonly format: string;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  readonly notes: readonly string[];
  /** What the file says of itself, in formats that have room for that. */
  readonly metadata?: ReadonlyMap<string, string>;
}
