import { decodeLatin1 } from '../latin1.ts';
import { quoted } from '../quoted.ts';
import { BYTES_OF } from './dtype.ts';
import { type Refuse, refuser, SAVE_WEIGHTS } from './error.ts';
import { torchGlobals } from './globals.ts';
import {
  isArray,
  isKind,
  type PickleGlobal,
  type PickleValue,
  type Placeholder,
  type TorchStorage,
} from './pickle-value.ts';
import { unpickle } from './unpickle.ts';
import { openZip, type ZipMembers, type ZipReader } from './zip.ts';

/** Files of torch.save before PyTorch 1.6 begin with this number and the protocol version, each as a pickle. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
const MAX_PICKLE_BYTES = 64 * 2 ** 20;
const LITTLE_ENDIAN = 'little';

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * Tests for the opcodes PROTO, FRAME (since protocol 4, with 8 bytes), and LONG1 with 10 bytes, the magic number.
 */
export function isLegacyTorchFile(bytes: Uint8Array): boolean {
  const at = bytes[2] === 0x95 ? 11 : 2;
  return bytes[0] === 0x80 && bytes[at] === 0x8a && bytes[at + 1] === 10;
}

/** The contents of a file written by torch.save. */
export interface TorchContent {
  readonly value: PickleValue;
  /** Unknown names of classes and functions; their objects became placeholders. */
  readonly unknownNames: readonly string[];
}

/**
 * Decodes a file written by torch.save as plain data: the zip format (since PyTorch 1.6) and the older format.
 * Source of the formats: torch/serialization.py. Supported globals: `globals.ts`. Tensors are read on demand.
 * @param source name of the file in messages.
 * @throws TorchFileError if the file is damaged or too large.
 */
export async function decodeTorchFile(
  bytes: Uint8Array,
  source: string,
  zip: ZipReader,
): Promise<TorchContent> {
  const refuse = refuser(source);
  if (isZip(bytes)) return decodeZip(await openZip(bytes, zip, refuse), refuse);
  if (isLegacyTorchFile(bytes)) return decodeLegacy(bytes, refuse);
  return refuse(
    'not a file of torch.save: it begins neither as a zip nor with the number of the older format',
  );
}

function decodeZip(zip: ZipMembers, refuse: Refuse): TorchContent {
  const pickles = zip.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined) return refuse('a zip, but not of torch.save: it holds no data.pkl');
  if (pickles.length > 1) refuse(`holds ${pickles.length} pickles: expected one data.pkl`);
  const root = pickle.slice(0, pickle.indexOf('/') + 1);
  if (zip.names.some((name) => name === `${root}constants.pkl` || name.startsWith(`${root}code/`))) {
    refuse(`a TorchScript program, which is not read: ${SAVE_WEIGHTS}`);
  }
  if (zip.sizeOf(pickle)! > MAX_PICKLE_BYTES) refuse(`${quoted(pickle)} is longer than 64 MiB`);
  const order = `${root}byteorder`;
  const orderBytes = zip.sizeOf(order);
  const isLittle = orderBytes === LITTLE_ENDIAN.length && decodeLatin1(zip.read(order)) === LITTLE_ENDIAN;
  if (orderBytes !== undefined && !isLittle) refuse('its numbers are not little-endian');

  const storages = new Map<string, TorchStorage>();
  const persistent = (id: PickleValue): PickleValue => {
    const declared = storageOf(id, 5, refuse);
    if (declared.kind !== 'storage') return declared;
    const { key, dtype, length } = declared;
    const name = `${root}data/${key}`;
    const size = zip.sizeOf(name);
    const wanted = length * bytesPer(dtype);
    if (size === undefined) return refuse(`storage ${quoted(key)} is not in the file`);
    if (size !== wanted) {
      refuse(
        `storage ${quoted(key)} declares ${length} elements of ${dtype}, ${wanted} bytes, but has ${size}`,
      );
    }
    return shared(storages, { ...declared, read: once(() => zip.read(name)) }, refuse);
  };
  const content = zip.read(pickle);
  const { find, unknownNames } = torchGlobals(refuse);
  const { value, end } = unpickle(content, 0, { global: find, persistent, refuse });
  if (end !== content.length) refuse(`${content.length - end} bytes behind the end of the pickle`);
  return { value, unknownNames: unknownNames() };
}

/**
 * The older format: pickles of the magic number, version, system sizes, object and storage keys; then the
 * storages.
 */
function decodeLegacy(bytes: Uint8Array, refuse: Refuse): TorchContent {
  const plain = {
    global: (name: string) => refuse(`damaged: ${quoted(name)} is named where no class can be`),
    persistent: () => refuse('a persistent id where none can be'),
    refuse,
  };
  const magic = unpickle(bytes, 0, plain);
  const version = unpickle(bytes, magic.end, plain);
  if (magic.value !== LEGACY_MAGIC || version.value !== LEGACY_PROTOCOL)
    refuse('not a file of torch.save: its magic number or version is another');
  const machine = unpickle(bytes, version.end, plain);
  if (!(machine.value instanceof Map) || machine.value.get('little_endian') !== true)
    refuse('its numbers are not little-endian');

  const storages = new Map<string, TorchStorage>();
  const contents = new Map<string, Uint8Array>();
  const persistent = (id: PickleValue): PickleValue => {
    const declared = storageOf(id, 6, refuse);
    if (declared.kind === 'placeholder')
      return refuse(`a storage is a ${quoted(declared.name)}, whose size is not known here: ${SAVE_WEIGHTS}`);
    if (declared.kind === 'global') return declared;
    return shared(storages, { ...declared, read: () => contents.get(declared.key)! }, refuse);
  };
  const { find, unknownNames } = torchGlobals(refuse);
  const main = unpickle(bytes, machine.end, { global: find, persistent, refuse });
  const keys = unpickle(bytes, main.end, plain);
  if (!isArray(keys.value)) return refuse('damaged: the list of storages is missing');

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = keys.end;
  for (const key of keys.value) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (!storage || contents.has(storage.key))
      return refuse('damaged: the list of storages is another than used');
    if (bytes.length - at < 8) refuse(`truncated before storage ${quoted(storage.key)}`);
    const length = view.getBigInt64(at, true);
    const sizeBytes = storage.length * bytesPer(storage.dtype);
    if (length !== BigInt(storage.length))
      refuse(`storage ${quoted(storage.key)} declares ${storage.length} elements, but has ${length}`);
    if (bytes.length - at - 8 < sizeBytes) refuse(`truncated in storage ${quoted(storage.key)}`);
    contents.set(storage.key, bytes.subarray(at + 8, at + 8 + sizeBytes));
    at += 8 + sizeBytes;
  }
  const missing = [...storages.keys()].find((key) => !contents.has(key));
  if (missing !== undefined) refuse(`storage ${quoted(missing)} is not in the file`);
  if (at !== bytes.length) refuse(`${bytes.length - at} bytes behind the last storage`);
  return { value: main.value, unknownNames: unknownNames() };
}

/**
 * Resolves a persistent id: ('storage', class, key, device, length) is a storage, or a placeholder if the type is
 * not supported. The older format also has views of storages, which are rejected, and modules with their code,
 * ('module', class, file, code).
 */
function storageOf(
  id: PickleValue,
  fields: 5 | 6,
  refuse: Refuse,
): Omit<TorchStorage, 'read'> | Placeholder | PickleGlobal {
  const no = 'a persistent id is not that of a storage';
  if (!isArray(id)) return refuse(no);
  const [what, type, key, , length, view = null] = id;
  if (!isKind(type, 'global')) return refuse(no);
  if (what === 'module' && fields === 6) return type;
  if (what !== 'storage' || id.length !== fields || type.call || view !== null) return refuse(no);
  if (typeof key !== 'string') return refuse(no);
  if (type.dtype === undefined) return { kind: 'placeholder', name: type.name, isModule: false };
  if (!Number.isSafeInteger(length) || (length as number) < 0)
    return refuse(`storage ${quoted(key)} has no length`);
  return { kind: 'storage', key, dtype: type.dtype, length: length as number };
}

/** The storage with this key; repeated declarations must agree. */
function shared(storages: Map<string, TorchStorage>, storage: TorchStorage, refuse: Refuse): TorchStorage {
  const before = storages.get(storage.key);
  if (!before) storages.set(storage.key, storage);
  else if (before.dtype !== storage.dtype || before.length !== storage.length)
    refuse(`storage ${quoted(storage.key)} is declared twice, and differently`);
  return before ?? storage;
}

function bytesPer(dtype: TorchStorage['dtype']): number {
  return dtype === 'untyped' ? 1 : BYTES_OF[dtype];
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
