import { widenBfloat16 } from '../tensor/bfloat16.ts';
import { InputError } from '../tensor/input-error.ts';
import { elementCount, formatShape, type Shape } from '../tensor/shape.ts';
import { widenFloat16 } from './half.ts';
import { asObject, type Json, JsonError, type JsonObject, parseJson } from './json.ts';
import { quoted } from './quoted.ts';

/** A file is not a valid safetensors file, or not the expected one. */
export class SafetensorsError extends InputError {
  override readonly name = 'SafetensorsError';
}

/** Element types in memory. float16 and bfloat16 are converted to float32, booleans to bytes 0 and 1. */
export type StoredArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor in a file, its elements row by row. */
export interface StoredTensor {
  readonly shape: Shape;
  readonly data: StoredArray;
}

/** What a safetensors file holds: its metadata, and its tensors by name. */
export interface SafetensorsContent {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Larger headers are rejected before parsing; 100,000 tensors need less. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;
/** Depth: the header, a tensor or the metadata, a shape. Values: about eight per tensor. */
const HEADER_LIMITS = { depth: 3, values: 2 ** 20 };
const MAX_DIMENSIONS = 32;

const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const;
type WrittenType = keyof typeof ARRAYS;

interface StoredFormat {
  readonly bytes: number;
  /** Converts a buffer that is not shared with other tensors. */
  readonly read: (buffer: ArrayBuffer) => StoredArray;
}

const TYPES: ReadonlyMap<string, StoredFormat> = new Map<string, StoredFormat>([
  ...Object.entries(ARRAYS).map(
    ([type, array]) =>
      [type, { bytes: array.BYTES_PER_ELEMENT, read: (buffer: ArrayBuffer) => new array(buffer) }] as const,
  ),
  ['F16', { bytes: 2, read: (buffer) => widenFloat16(new Uint16Array(buffer)) }],
  ['BF16', { bytes: 2, read: (buffer) => widenBfloat16(new Uint16Array(buffer)) }],
  ['BOOL', { bytes: 1, read: (buffer) => new Uint8Array(buffer) }],
]);

/**
 * Decodes a safetensors file (https://huggingface.co/docs/safetensors): header length as u64, JSON header, data.
 * Tensors are copies.
 * @param source name of the file in messages.
 * @throws SafetensorsError if the file is invalid; gaps, overlaps, duplicates and leftover bytes are rejected.
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): SafetensorsContent {
  const refuse = (message: string): never => {
    throw new SafetensorsError(`${source}: ${message}`);
  };
  if (bytes.length < 8) refuse(`not a safetensors file: ${bytes.length} bytes are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > MAX_HEADER_BYTES)
    refuse(`the header claims ${headerBytes} bytes, more than the 16 MiB allowed`);
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > bytes.length)
    refuse(`truncated: the header needs ${dataStart} bytes, the file has ${bytes.length}`);

  const header = parseHeader(bytes.subarray(8, dataStart), refuse);
  const metadata = new Map<string, string>();
  const entries: { name: string; type: StoredFormat; shape: Shape; begin: number; end: number }[] = [];
  for (const [name, value] of Object.entries(header)) {
    const what = `tensor ${quoted(name)}`;
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(asObject(value) ?? refuse('the metadata is no object'))) {
        metadata.set(
          key,
          typeof text === 'string' ? text : refuse(`metadata ${quoted(key)} is not a string`),
        );
      }
      continue;
    }
    const fields = asObject(value) ?? refuse(`${what} has no description`);
    const { dtype, shape, data_offsets: offsets } = fields;
    const type =
      (typeof dtype === 'string' ? TYPES.get(dtype) : undefined) ??
      refuse(
        `${what} is of type ${typeof dtype === 'string' ? quoted(dtype) : 'unknown'}; known are ${[...TYPES.keys()].join(', ')}`,
      );
    const [begin, end] =
      isNaturals(offsets) && offsets.length === 2 ? offsets : refuse(`${what} has no offsets`);
    if (!isNaturals(shape)) return refuse(`${what} has no shape`);
    if (shape.length > MAX_DIMENSIONS)
      refuse(`${what} has ${shape.length} dimensions: at most ${MAX_DIMENSIONS}`);
    const wanted = elementCount(shape) * type.bytes;
    if (end! - begin! !== wanted) {
      refuse(
        `${what} (${formatShape(shape)} ${dtype}) needs ${wanted} bytes, its offsets span ${end! - begin!}`,
      );
    }
    entries.push({ name, type, shape, begin: begin!, end: end! });
  }

  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < at) refuse(`tensor ${quoted(name)} overlaps another`);
    if (begin > at) refuse(`${begin - at} bytes before tensor ${quoted(name)} belong to none`);
    at = end;
  }
  const present = bytes.length - dataStart;
  if (at > present) refuse(`truncated: the tensors need ${at} bytes, ${present} are there`);
  if (at < present) refuse(`${present - at} bytes too many behind the last tensor`);

  const tensors = new Map<string, StoredTensor>();
  for (const { name, type, shape, begin, end } of entries) {
    // An aligned copy; the slice of a Buffer may not be aligned.
    const copy = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { shape, data: type.read(copy.buffer) });
  }
  return { metadata, tensors };
}

/** Encodes a file as a list of pieces: the header, then each tensor. */
export function encodeSafetensors({ metadata, tensors }: SafetensorsContent): Uint8Array[] {
  const described = new Map(
    [...tensors].map(([name, { shape, data }]) => [name, { shape, type: typeOf(data) }]),
  );
  return [...headerOf(metadata, described), ...[...tensors.values()].map(({ data }) => bytesOf(data))];
}

/** A tensor to write, whose data is produced on demand. */
export interface TensorToWrite {
  readonly shape: Shape;
  readonly type: WrittenType;
}

/**
 * The same for tensors that are not all in memory: the data of a tensor is requested after the previous piece was
 * written.
 */
export async function* streamSafetensors(
  metadata: ReadonlyMap<string, string>,
  tensors: ReadonlyMap<string, TensorToWrite>,
  read: (name: string) => Promise<StoredArray>,
): AsyncGenerator<Uint8Array> {
  yield* headerOf(metadata, tensors);
  for (const name of tensors.keys()) yield bytesOf(await read(name));
}

/** The header, preceded by its length. */
function headerOf(
  metadata: ReadonlyMap<string, string>,
  tensors: ReadonlyMap<string, TensorToWrite>,
): readonly Uint8Array[] {
  const header: Record<string, unknown> = { __metadata__: Object.fromEntries(metadata) };
  let at = 0;
  for (const [name, { shape, type }] of tensors) {
    const end = at + elementCount(shape) * ARRAYS[type].BYTES_PER_ELEMENT;
    header[name] = { dtype: type, shape, data_offsets: [at, end] };
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(' '.charCodeAt(0));
  padded.set(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [length, padded];
}

/** The bytes of an array, as a view. */
function bytesOf(data: StoredArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function typeOf(data: StoredArray): WrittenType {
  return (Object.keys(ARRAYS) as WrittenType[]).find((type) => data instanceof ARRAYS[type])!;
}

function parseHeader(bytes: Uint8Array, refuse: (message: string) => never): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('the header is not valid JSON: it is no UTF-8');
  }
  try {
    return asObject(parseJson(text, HEADER_LIMITS)) ?? refuse('the header is no object');
  } catch (error) {
    if (error instanceof JsonError) return refuse(`the header ${error.message}`);
    throw error;
  }
}

function isNaturals(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
