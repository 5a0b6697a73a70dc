import { zipSync } from 'fflate';
import { expect } from 'vitest';
import { TorchFileError } from '../../src/io/torch/error.ts';
import { decodeWeights } from '../../src/node/weights-file.ts';

/** Handwritten pickles, by opcodes, for content that ordinary programs do not write. */
export type Op = string | Uint8Array;

export function bytesOf(...ops: readonly Op[]): Uint8Array {
  return Buffer.concat(ops.map((op) => (typeof op === 'string' ? Buffer.from(op, 'latin1') : op)));
}

const little = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

/** BINUNICODE */
export const text = (value: string): Op =>
  bytesOf('X', little(Buffer.byteLength(value), 4), Buffer.from(value));
/** BININT */
export const int = (value: number): Op => bytesOf('J', little(value, 4));
export const global = (module: string, name: string): Op => `c${module}\n${name}\n`;
export const tuple = (...items: readonly Op[]): Op => bytesOf('(', ...items, 't');

/** ('storage', class, key, device, length) as a persistent id. */
export const storage = (key: string, length: number, type = 'FloatStorage'): Op =>
  bytesOf(tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(length)), 'Q');

/** A call of _rebuild_tensor_v2. */
export const tensor = (of: Op, offset: number, sizes: readonly number[], strides: readonly number[]): Op =>
  bytesOf(
    global('torch._utils', '_rebuild_tensor_v2'),
    tuple(of, int(offset), tuple(...sizes.map(int)), tuple(...strides.map(int)), '\x89', '}'),
    'R',
  );

/** {name: value, …} */
export const dict = (entries: readonly (readonly [name: string, value: Op])[]): Op =>
  bytesOf('}(', ...entries.flatMap(([name, value]) => [text(name), value]), 'u');

/** A whole pickle of protocol 2. */
export const pickle = (...ops: readonly Op[]): Uint8Array => bytesOf('\x80\x02', ...ops, '.');

/** A torch.save file with a pickle and these storages (bytes). */
export function torchZip(
  content: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const members: Record<string, Uint8Array> = { 'archive/data.pkl': content };
  for (const [key, bytes] of Object.entries(storages)) members[`archive/data/${key}`] = bytes;
  return zipSync(members, { level: 0 });
}

/** The first pickles of a torch.save file from before PyTorch 1.6, which is not a zip file. */
export const LEGACY_HEADER: readonly Uint8Array[] = [
  pickle('\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19'),
  pickle('M\xe9\x03'),
  pickle(dict([['little_endian', '\x88']])),
];

/** A storage in such a file. @param view of another storage. */
export const legacyStorage = (key: string, count: number, view: Op = 'N', type = 'FloatStorage'): Op =>
  bytesOf(tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(count), view), 'Q');

/** Such a file with these tensors, one storage each. */
export function legacyTorchFile(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
): Uint8Array {
  const stridesOf = (shape: readonly number[]) =>
    shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const all = [...tensors].map(([name, { shape, data }], i) => ({ name, shape, data, key: `k${i}` }));
  const main = all.map(
    ({ name, shape, data, key }) =>
      [name, tensor(legacyStorage(key, data.length), 0, shape, stridesOf(shape))] as const,
  );
  const keys = pickle('](', ...all.map(({ key }) => text(key)), 'e');
  const count = (value: number) => Buffer.from(BigInt64Array.of(BigInt(value)).buffer);
  const storages = all.flatMap(({ data }) => [
    count(data.length),
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  ]);
  return bytesOf(...LEGACY_HEADER, pickle(dict(main)), keys, ...storages);
}

export const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** The error message for a file that must be refused. */
export async function refused(bytes: Uint8Array): Promise<string> {
  const error = await decodeWeights(bytes, 'x.pth').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TorchFileError);
  return (error as Error).message;
}
