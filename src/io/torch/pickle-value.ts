import type { Shape } from '../../tensor/shape.ts';
import type { Dtype } from './dtype.ts';

/**
 * A value from a pickle: plain values, lists and tuples as arrays (tuples frozen), dicts as Maps, tensors, and
 * placeholders for everything else.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | PickleDict
  | PickleGlobal
  | TorchStorage
  | TorchTensor
  | Placeholder;

export type PickleKey = null | boolean | number | bigint | string;
export type PickleDict = Map<PickleKey, PickleValue>;

/** A class or function that a pickle names. */
export interface PickleGlobal {
  readonly kind: 'global';
  /** Such as `torch._utils._rebuild_tensor_v2`. */
  readonly name: string;
  /** Implements a call; without it, a call returns a placeholder. */
  readonly call?: (args: readonly PickleValue[]) => PickleValue;
  /** The type of a storage class, or of `torch.float32` and similar; `untyped`: bytes. */
  readonly dtype?: Dtype | 'untyped';
}

/**
 * A placeholder for an object of an unsupported class, or for the result of an unsupported function:
 * `argparse.Namespace`, a NumPy number. It has no contents; those in the pickle are discarded.
 */
export interface Placeholder {
  readonly kind: 'placeholder';
  /** Name of the class or function. */
  readonly name: string;
  /** Whether it has the attributes of a `torch.nn.Module`. */
  readonly isModule: boolean;
}

/** The memory that tensors are views of. */
export interface TorchStorage {
  readonly kind: 'storage';
  readonly key: string;
  readonly dtype: Dtype | 'untyped';
  /** In elements, or in bytes if untyped. */
  readonly length: number;
  /** Reads all `length` elements as bytes. @throws TorchFileError if they are damaged. */
  readonly read: () => Uint8Array;
}

/** A view within the bounds of a storage. Offset and strides are in elements. */
export interface TorchTensor {
  readonly kind: 'tensor';
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly offset: number;
  readonly strides: readonly number[];
  readonly storage: TorchStorage;
}

export function isDict(value: PickleValue | undefined): value is PickleDict {
  return value instanceof Map;
}

export function isArray(value: PickleValue | undefined): value is readonly PickleValue[] {
  return Array.isArray(value);
}

/** Type guard for one kind of objects. */
export function isKind<Kind extends 'global' | 'storage' | 'tensor' | 'placeholder'>(
  value: PickleValue | undefined,
  kind: Kind,
): value is Extract<PickleValue, { readonly kind: Kind }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}
