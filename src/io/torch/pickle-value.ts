import type { Shape } from '../../tensor/shape.ts';
import type { Dtype } from './dtype.ts';

/**
 * What the unpickler can make: plain values, lists and tuples as arrays (tuples frozen), dicts as Maps, tensors, and
 * stand-ins for everything else.
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
  | StandIn;

export type PickleKey = null | boolean | number | bigint | string;
export type PickleDict = Map<PickleKey, PickleValue>;

/** A class or function that a pickle names. */
export interface PickleGlobal {
  readonly kind: 'global';
  /** `torch._utils._rebuild_tensor_v2` */
  readonly name: string;
  /** What calling it makes; without it, a call makes a stand-in. */
  readonly call?: (args: readonly PickleValue[]) => PickleValue;
  /** Of a storage class, or of `torch.float32` and the like; `untyped` counts bytes. */
  readonly dtype?: Dtype | 'untyped';
}

/**
 * Stands for an object of a class that is not read, or for what a function would have made: `argparse.Namespace`, a
 * number of NumPy. It holds nothing, and what a pickle puts into it is forgotten.
 */
export interface StandIn {
  readonly kind: 'stand-in';
  /** Of the class or function. */
  readonly name: string;
  /** Whether it has the attributes of a `torch.nn.Module`. */
  readonly isModule: boolean;
}

/** Numbers that tensors are views of. */
export interface TorchStorage {
  readonly kind: 'storage';
  readonly key: string;
  readonly dtype: Dtype | 'untyped';
  /** In elements of its type; in bytes where it is untyped. */
  readonly length: number;
  /** All of its bytes, `length` elements of them. @throws TorchFileError when they are damaged. */
  readonly read: () => Uint8Array;
}

/** A view of a storage, inside its bounds. Offset and strides count elements. */
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

/** Narrows to one of the kinds of objects. */
export function isKind<Kind extends 'global' | 'storage' | 'tensor' | 'stand-in'>(
  value: PickleValue | undefined,
  kind: Kind,
): value is Extract<PickleValue, { readonly kind: Kind }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}
