import { elementCount, formatShape } from '../../tensor/shape.ts';
import { encodeLatin1 } from '../latin1.ts';
import { BYTES_OF, type Dtype } from './dtype.ts';
import type { Refuse } from './error.ts';
import {
  isArray,
  isDict,
  isKind,
  type PickleGlobal,
  type PickleValue,
  type Placeholder,
  type TorchTensor,
} from './pickle-value.ts';
import { addItem } from './unpickle.ts';

const STORAGES: Readonly<Record<string, Dtype | 'untyped'>> = {
  'torch.FloatStorage': 'float32',
  'torch.DoubleStorage': 'float64',
  'torch.HalfStorage': 'float16',
  'torch.BFloat16Storage': 'bfloat16',
  'torch.LongStorage': 'int64',
  'torch.IntStorage': 'int32',
  'torch.ShortStorage': 'int16',
  'torch.CharStorage': 'int8',
  'torch.ByteStorage': 'uint8',
  'torch.BoolStorage': 'bool',
  'torch.UntypedStorage': 'untyped',
  'torch.storage.UntypedStorage': 'untyped',
  'torch.storage._UntypedStorage': 'untyped',
  'torch.storage.TypedStorage': 'untyped',
  'torch.storage._TypedStorage': 'untyped',
};

const MAX_DIMENSIONS = 32;
/**
 * Limit on the total bytes that calls may create: with the memo, a few bytes of a pickle can repeat large values.
 */
const MAX_MADE = 2 ** 26;
/** Approximate memory of a dict, and of an entry. */
const [DICT_BYTES, ENTRY_BYTES] = [256, 32];

/** Files with more unknown names are rejected; checkpoints have some dozens. */
const MAX_UNKNOWN_NAMES = 1000;

/** Resolves the globals of a pickle, and records those that are unknown. */
export interface TorchGlobals {
  readonly find: (name: string) => PickleGlobal;
  /** Unknown names, whose objects became placeholders. */
  readonly unknownNames: () => readonly string[];
}

/**
 * The functions and classes that a pickle of weights may call. Calls create only plain data and tensors within the
 * bounds of their storage. Other names are never looked up: objects of such a name are represented by one
 * placeholder.
 */
export function torchGlobals(refuse: Refuse): TorchGlobals {
  const globals = new Map<string, PickleGlobal>();
  const unknownNames = new Map<string, PickleGlobal>();
  let made = 0;
  const spend = (count: number) => {
    made += count;
    if (made > MAX_MADE) refuse(`the pickle's calls make more than ${MAX_MADE} bytes`);
  };
  const add = (name: string, more: Pick<PickleGlobal, 'call' | 'dtype'>) =>
    globals.set(name, { kind: 'global', name, ...more });
  for (const [name, dtype] of Object.entries(STORAGES)) add(name, { dtype });
  for (const dtype of Object.keys(BYTES_OF) as Dtype[]) add(`torch.${dtype}`, { dtype });

  add('torch._utils._rebuild_tensor', { call: (args) => rebuildTensor(args, undefined, refuse) });
  add('torch._utils._rebuild_tensor_v2', { call: (args) => rebuildTensor(args, undefined, refuse) });
  add('torch._utils._rebuild_tensor_v3', { call: (args) => rebuildTensor(args, args[6], refuse) });
  const parameter = ([tensor]: readonly PickleValue[]) =>
    isKind(tensor, 'tensor') || isKind(tensor, 'placeholder')
      ? tensor
      : refuse('a parameter is made of what is no tensor');
  add('torch._utils._rebuild_parameter', { call: parameter });
  add('torch._utils._rebuild_parameter_with_state', { call: parameter });
  // A tensor with attributes: (function, class, arguments, attributes).
  add('torch._tensor._rebuild_from_type_v2', {
    call: ([rebuild, , args]) =>
      isKind(rebuild, 'global') && rebuild.call && isArray(args)
        ? rebuild.call(args)
        : refuse('a tensor with attributes is made of what is no tensor'),
  });
  add('torch.Size', {
    call: ([sizes]) => (isArray(sizes) ? sizes : refuse('a torch.Size is made of no tuple')),
  });
  add('collections.OrderedDict', { call: ([pairs]) => orderedDict(pairs, spend, refuse) });
  add('_codecs.encode', { call: (args) => encodedBytes(args, spend, refuse) });
  return {
    find(name) {
      const known = globals.get(name) ?? unknownNames.get(name);
      if (known) return known;
      if (unknownNames.size === MAX_UNKNOWN_NAMES)
        refuse(`the pickle names more than ${MAX_UNKNOWN_NAMES} classes`);
      const unknown: PickleGlobal = { kind: 'global', name };
      unknownNames.set(name, unknown);
      return unknown;
    },
    unknownNames: () => [...unknownNames.keys()],
  };
}

type Spend = (count: number) => void;

function orderedDict(pairs: PickleValue | undefined, spend: Spend, refuse: Refuse): PickleValue {
  spend(DICT_BYTES);
  const dict = new Map();
  if (pairs === undefined) return dict;
  if (isDict(pairs) || !isArray(pairs)) return refuse('an OrderedDict is made of no list of pairs');
  spend(ENTRY_BYTES * pairs.length);
  for (const pair of pairs) {
    if (!isArray(pair) || pair.length !== 2) return refuse('an OrderedDict is made of no list of pairs');
    addItem(dict, pair[0]!, pair[1]!, refuse);
  }
  return dict;
}

/** Protocol 2 has no bytes type: Python writes bytes as `_codecs.encode(text, 'latin1')`. */
function encodedBytes([text, encoding]: readonly PickleValue[], spend: Spend, refuse: Refuse): PickleValue {
  if (typeof text !== 'string' || encoding !== 'latin1')
    return refuse('bytes are made of what is no Latin-1 text');
  spend(text.length);
  if (/[^\0-\xff]/.test(text)) return refuse('bytes are made of what is no Latin-1 text');
  return encodeLatin1(text);
}

/** `_rebuild_tensor(storage, offset, sizes, strides, …)`: checks the bounds of the view against its storage. */
function rebuildTensor(
  args: readonly PickleValue[],
  dtypeGlobal: PickleValue | undefined,
  refuse: Refuse,
): TorchTensor | Placeholder {
  const [storage, offset, shape, strides] = args;
  if (isKind(storage, 'placeholder')) return storage; // The type is not supported.
  if (!isKind(storage, 'storage')) return refuse('a tensor is made of what is no storage');
  const given = isKind(dtypeGlobal, 'global') ? dtypeGlobal.dtype : undefined;
  const dtype = storage.dtype === 'untyped' ? given : storage.dtype;
  if (dtype === undefined || dtype === 'untyped' || (given !== undefined && given !== dtype))
    return refuse(`a tensor in storage ${storage.key} has no type that is known`);
  if (!isNatural(offset) || !isNaturals(shape) || !isNaturals(strides) || shape.length !== strides.length) {
    return refuse(`a tensor in storage ${storage.key} has no whole sizes and strides`);
  }
  if (shape.length > MAX_DIMENSIONS)
    refuse(`a tensor has ${shape.length} dimensions: at most ${MAX_DIMENSIONS}`);
  const available = Math.floor(
    storage.dtype === 'untyped' ? storage.length / BYTES_OF[dtype] : storage.length,
  );
  const count = elementCount(shape);
  const last = offset + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
  // A view with more elements than its storage repeats elements (stride 0), which weights never do.
  if (count > 0 && !(last < available && count <= available)) {
    refuse(
      `a tensor of ${formatShape(shape)} (strides ${strides.join(', ')}, offset ${offset}) goes beyond its storage ` +
        `${storage.key} of ${available} elements`,
    );
  }
  return { kind: 'tensor', dtype, shape, offset, strides, storage };
}

function isNatural(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNaturals(value: PickleValue | undefined): value is readonly number[] {
  return isArray(value) && value.every(isNatural);
}
