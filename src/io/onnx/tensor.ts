import { widenBfloat16 } from '../../tensor/bfloat16.ts';
import { elementCount, formatShape, type Shape } from '../../tensor/shape.ts';
import { widenFloat16 } from '../half.ts';
import type { StoredArray, StoredTensor } from '../safetensors.ts';
import { OnnxError } from './error.ts';
import { DATA_TYPES, EXTERNAL, messageType } from './schema.ts';
import { fieldsOf, textOf, varintsOf } from './wire.ts';

type DataType = keyof typeof DATA_TYPES;
type DataField = 'raw_data' | 'float_data' | 'double_data' | 'int32_data' | 'int64_data';

/** Where numbers of each type lie when not in `raw_data`, and how many bytes one takes there. */
const STORED: Readonly<Record<DataType, { readonly field: DataField; readonly bytes: number }>> = {
  FLOAT: { field: 'float_data', bytes: 4 },
  DOUBLE: { field: 'double_data', bytes: 8 },
  INT64: { field: 'int64_data', bytes: 8 },
  INT32: { field: 'int32_data', bytes: 4 },
  UINT8: { field: 'int32_data', bytes: 1 },
  FLOAT16: { field: 'int32_data', bytes: 2 },
  BFLOAT16: { field: 'int32_data', bytes: 2 },
};

const MAX_RANK = 16;
/** A packed field is one piece; a writer that does not pack makes one of each number. */
const MAX_PIECES = 2 ** 16;

/** Reads a `TensorProto`. @throws OnnxError naming the tensor. */
export function decodeTensor(bytes: Uint8Array, source: string): { name: string; tensor: StoredTensor } {
  const found = collect(bytes, `${source}: a tensor`);
  const nameBytes = found.get('name')?.at(-1);
  if (!nameBytes?.length) throw new OnnxError(`${source}: a tensor has no name`);
  const name = textOf(nameBytes, `${source}: the name of a tensor`);
  const what = `${source}: tensor ${name}`;

  const location = lastNumber(found.get('data_location'), what) ?? 0;
  if (location === EXTERNAL || found.has('external_data')) {
    throw new OnnxError(`${what} lies in another file: save the model with its data inside`);
  }
  if (found.has('segment')) throw new OnnxError(`${what} is a segment of one: whole tensors are expected`);
  const type = typeOf(lastNumber(found.get('data_type'), what), what);
  const shape = shapeOf(found.get('dims') ?? [], what);
  return { name, tensor: { shape, data: dataOf(found, type, shape, what) } };
}

/** The payloads of each field by its name. */
function collect(bytes: Uint8Array, what: string): Map<string, Uint8Array[]> {
  const { fieldsById } = messageType('TensorProto');
  const found = new Map<string, Uint8Array[]>();
  for (const { id, payload } of fieldsOf(bytes, what)) {
    const name = fieldsById[id]?.name;
    if (name === undefined) continue;
    const pieces = found.get(name) ?? [];
    if (pieces.length === MAX_PIECES) throw new OnnxError(`${what} has its ${name} in too many pieces`);
    pieces.push(payload);
    found.set(name, pieces);
  }
  return found;
}

function lastNumber(pieces: readonly Uint8Array[] | undefined, what: string): number | undefined {
  const last = pieces?.at(-1);
  if (last === undefined) return undefined;
  const [value] = varintsOf(last, what);
  return value === undefined ? undefined : Number(value);
}

function typeOf(code: number | undefined, what: string): DataType {
  const known = Object.keys(DATA_TYPES) as DataType[];
  const type = known.find((name) => DATA_TYPES[name] === code);
  if (type) return type;
  throw new OnnxError(
    `${what} is of type ${code ?? 'unknown'}; known are ${known.join(', ')} of TensorProto.DataType`,
  );
}

function shapeOf(pieces: readonly Uint8Array[], what: string): Shape {
  const shape: number[] = [];
  for (const size of varintsOf(joined(pieces), what)) {
    if (shape.length === MAX_RANK) throw new OnnxError(`${what} has more than ${MAX_RANK} axes`);
    if (size < 0n) throw new OnnxError(`${what} has an axis of size ${size}`);
    shape.push(Number(size));
  }
  if (!Number.isSafeInteger(elementCount(shape)))
    throw new OnnxError(`${what} has a shape beyond all numbers`);
  return shape;
}

function dataOf(
  found: ReadonlyMap<string, readonly Uint8Array[]>,
  type: DataType,
  shape: Shape,
  what: string,
): StoredArray {
  const { field, bytes } = STORED[type];
  const [raw, typed] = [found.get('raw_data'), found.get(field)];
  if (raw && typed) throw new OnnxError(`${what} has numbers twice, in raw_data and in ${field}`);
  const count = elementCount(shape);
  const wanted = `${what} (${formatShape(shape)} ${type})`;
  const isVarint = !raw && (field === 'int32_data' || field === 'int64_data');
  if (isVarint) return fromVarints(joined(typed ?? []), type, count, wanted);
  const pieces = raw ? raw.slice(-1) : (typed ?? []);
  const present = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (present !== count * bytes) {
    throw new OnnxError(`${wanted} needs ${count * bytes} bytes, ${present} are there`);
  }
  return fromBytes(joined(pieces).buffer, type);
}

/** One copy in memory of its own: aligned, which a view of the file is not. */
function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function fromBytes(buffer: ArrayBuffer, type: DataType): StoredArray {
  switch (type) {
    case 'FLOAT':
      return new Float32Array(buffer);
    case 'DOUBLE':
      return new Float64Array(buffer);
    case 'INT64':
      return new BigInt64Array(buffer);
    case 'INT32':
      return new Int32Array(buffer);
    case 'UINT8':
      return new Uint8Array(buffer);
    case 'FLOAT16':
      return widenFloat16(new Uint16Array(buffer));
    case 'BFLOAT16':
      return widenBfloat16(new Uint16Array(buffer));
  }
}

/** A varint takes a byte at least, so the count is believed only as far as there are bytes. */
function fromVarints(bytes: Uint8Array, type: DataType, count: number, wanted: string): StoredArray {
  if (bytes.length < count)
    throw new OnnxError(`${wanted} needs ${count} numbers, ${bytes.length} bytes are there`);
  const values = new BigInt64Array(count);
  let read = 0;
  for (const value of varintsOf(bytes, wanted)) {
    if (read === count) throw new OnnxError(`${wanted} has more than ${count} numbers`);
    values[read++] = value;
  }
  if (read !== count) throw new OnnxError(`${wanted} needs ${count} numbers, ${read} are there`);
  if (type === 'INT64') return values;
  const numbers = Int32Array.from(values, Number);
  if (type === 'INT32') return numbers;
  const narrow = type === 'UINT8' ? Uint8Array.from(numbers) : Uint16Array.from(numbers);
  return fromBytes(narrow.buffer, type);
}
