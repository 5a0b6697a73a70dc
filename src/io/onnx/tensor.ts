import { widenBfloat16 } from '../../tensor/bfloat16.ts';
import { elementCount, formatShape, type Shape } from '../../tensor/shape.ts';
import { widenFloat16 } from '../half.ts';
import { MAX_NAME_CHARACTERS, type ReadBeside } from '../named-weights.ts';
import { quoted } from '../quoted.ts';
import type { StoredArray, StoredTensor } from '../safetensors.ts';
import { OnnxError } from './error.ts';
import { entryOf } from './fields.ts';
import { DATA_TYPES, EXTERNAL, fieldById } from './schema.ts';
import { countVarints, type FieldBudget, fieldsOf, readVarints, textOf, varintOf } from './wire.ts';

type DataType = keyof typeof DATA_TYPES;
type DataField = 'raw_data' | 'float_data' | 'double_data' | 'int32_data' | 'int64_data';

/**
 * For each type, the field that stores its elements if not `raw_data`, and the bytes of an element in `raw_data`.
 */
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
const NOTHING = new Uint8Array(0);
/** Limit on the pieces of a repeated field: one if packed, otherwise one per element. */
const MAX_PIECES = 2 ** 16;

/** The file that contains a tensor. */
interface TensorFile {
  readonly source: string;
  readonly budget: FieldBudget;
  readonly beside: ReadBeside | undefined;
}

/**
 * Decodes a `TensorProto`. Its size is checked immediately; its elements are read on access.
 * @param called its name, if the message has none.
 * @throws OnnxError with the name of the tensor.
 */
export function decodeTensor(
  bytes: Uint8Array,
  called: string | undefined,
  file: TensorFile,
): { name: string; tensor: StoredTensor } {
  const { source, budget } = file;
  const found = collect(bytes, `${source}: a tensor`, budget);
  const name = called ?? textOf(found.get('name')?.at(-1) ?? NOTHING, `${source}: the name of a tensor`);
  if (name === '') throw new OnnxError(`${source}: a tensor has no name`);
  if (name.length > MAX_NAME_CHARACTERS)
    throw new OnnxError(`${source}: a tensor has a name of more than ${MAX_NAME_CHARACTERS} characters`);
  const what = `${source}: tensor ${quoted(name)}`;

  if (found.has('segment')) throw new OnnxError(`${what} is a segment of one: whole tensors are expected`);
  const location = lastNumber(found.get('data_location'), what) ?? 0;
  if (location === EXTERNAL || found.has('external_data'))
    found.set('raw_data', [externalData(found.get('external_data') ?? [], what, file)]);
  const code = lastNumber(found.get('data_type'), what);
  const shape = shapeOf(found.get('dims') ?? [], what);
  const type = typeOf(code);
  const read = type === undefined ? () => unreadable(code, what) : readerOf(found, type, shape, what);
  return {
    name,
    tensor: {
      shape,
      get data() {
        return read();
      },
    },
  };
}

/** The bytes of a tensor that is stored in another file (external data). */
function externalData(
  entries: readonly Uint8Array[],
  what: string,
  { beside, budget }: TensorFile,
): Uint8Array {
  const said = new Map(entries.map((entry) => entryOf(entry, what, budget)));
  const location = said.get('location');
  if (location === undefined) throw new OnnxError(`${what} lies in another file, which is not named`);
  if (!beside) {
    throw new OnnxError(
      `${what} lies in another file, ${quoted(location)}: save the model with its data inside`,
    );
  }
  const numberOf = (key: string) => {
    const text = said.get(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,15}$/.test(text)) throw new OnnxError(`${what} has no ${key} in the file it lies in`);
    return Number(text);
  };
  const bytes = beside(location);
  const offset = numberOf('offset') ?? 0;
  const length = numberOf('length') ?? Math.max(0, bytes.length - offset);
  if (offset + length > bytes.length) {
    throw new OnnxError(
      `${what} lies at bytes ${offset} to ${offset + length} of ${quoted(location)}, which has ${bytes.length}`,
    );
  }
  return bytes.subarray(offset, offset + length);
}

/** The payloads of each field, by name. */
function collect(bytes: Uint8Array, what: string, budget: FieldBudget): Map<string, Uint8Array[]> {
  const found = new Map<string, Uint8Array[]>();
  for (const { id, payload } of fieldsOf(bytes, what, budget)) {
    const name = fieldById('TensorProto', id)?.name;
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
  return last?.length ? Number(varintOf(last, what)) : undefined;
}

const TYPE_NAMES = Object.keys(DATA_TYPES) as DataType[];

function typeOf(code: number | undefined): DataType | undefined {
  return TYPE_NAMES.find((name) => DATA_TYPES[name] === code);
}

function unreadable(code: number | undefined, what: string): never {
  throw new OnnxError(
    `${what} is of type ${code ?? 'unknown'}; known are ${TYPE_NAMES.join(', ')} of TensorProto.DataType`,
  );
}

function shapeOf(pieces: readonly Uint8Array[], what: string): Shape {
  // Checked before parsing: a dimension takes at least one byte, so this bounds the number of dimensions.
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const rank =
    bytes > MAX_RANK * 10 ? bytes : pieces.reduce((sum, piece) => sum + countVarints(piece, what), 0);
  if (rank > MAX_RANK) throw new OnnxError(`${what} has more than ${MAX_RANK} axes`);
  const shape = Array.from(readVarints(pieces, rank, what), Number);
  const negative = shape.find((size) => size < 0);
  if (negative !== undefined) throw new OnnxError(`${what} has an axis of size ${negative}`);
  if (!Number.isSafeInteger(elementCount(shape)))
    throw new OnnxError(`${what} has a shape beyond all numbers`);
  return shape;
}

/** Returns a function that reads the elements, after checking their number. */
function readerOf(
  found: ReadonlyMap<string, readonly Uint8Array[]>,
  type: DataType,
  shape: Shape,
  what: string,
): () => StoredArray {
  const { field, bytes } = STORED[type];
  const [raw, typed] = [found.get('raw_data'), found.get(field)];
  if (raw && typed) throw new OnnxError(`${what} has numbers twice, in raw_data and in ${field}`);
  const count = elementCount(shape);
  const wanted = `${what} (${formatShape(shape)} ${type})`;
  const isVarint = !raw && (field === 'int32_data' || field === 'int64_data');
  const pieces = raw ? raw.slice(-1) : (typed ?? []);
  const sum = (sizeOf: (piece: Uint8Array) => number) =>
    pieces.reduce((total, piece) => total + sizeOf(piece), 0);
  if (isVarint) {
    const present = sum((piece) => countVarints(piece, wanted));
    if (present !== count) throw new OnnxError(`${wanted} needs ${count} numbers, ${present} are there`);
    return () => fromVarints(readVarints(pieces, count, wanted), type);
  }
  const present = sum(({ length }) => length);
  if (present !== count * bytes) {
    throw new OnnxError(`${wanted} needs ${count * bytes} bytes, ${present} are there`);
  }
  return () => fromBytes(joined(pieces).buffer, type);
}

/** A copy of the pieces as one aligned buffer. */
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

function fromVarints(values: BigInt64Array<ArrayBuffer>, type: DataType): StoredArray {
  if (type === 'INT64') return values;
  const numbers = Int32Array.from(values, Number);
  if (type === 'INT32') return numbers;
  const narrow = type === 'UINT8' ? Uint8Array.from(numbers) : Uint16Array.from(numbers);
  return fromBytes(narrow.buffer, type);
}
