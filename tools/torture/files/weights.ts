import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { encodeSafetensors } from '../../../src/io/safetensors.ts';
import { decodeWeights } from '../../../src/node/weights-file.ts';
import { decodeCheckpoint } from '../../../src/train/checkpoint.ts';
import { ROOT } from '../product.ts';
import type { Below } from '../random.ts';
import type { Format } from './format.ts';
import { CANARY, hostileText, pick } from './hostile.ts';
import { mutate } from './mutate.ts';
import { mutateJson } from './mutate-json.ts';
import { mutateWire } from './mutate-wire.ts';
import { onnxSeed } from './onnx-seed.ts';

/** Reads every tensor of a file; returns the names and notes that a command prints. */
async function readWeights(bytes: Uint8Array): Promise<string> {
  const { tensors, notes } = await decodeWeights(bytes, 'net');
  for (const { shape, read } of tensors.values()) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (read().length !== count) throw new RangeError(`${shape} has other than ${count} elements`);
  }
  return [...notes, ...tensors.keys()].slice(0, 20).join('\n');
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

/**
 * Opcodes that call, nest, declare large sizes or repeat
 * (https://github.com/python/cpython/blob/main/Lib/pickletools.py).
 */
const OPCODES: readonly ((below: Below) => Buffer)[] = [
  () => latin1(`cposix\nsystem\n(S'touch ${CANARY}'\ntR`),
  () => latin1(`c__builtin__\neval\n(S'__import__("os").system("touch ${CANARY}")'\ntR`),
  () => latin1(`(S'touch ${CANARY}'\nios\nsystem\n`),
  () => latin1('c__main__\n__proto__\n)\x81}(S"polluted"\nI1\nub'),
  () => latin1('}(S"__proto__"\n}(S"polluted"\nI1\nuu'),
  () => latin1('ctorch._utils\n_rebuild_tensor_v2\n(NI0\n(I1\nI1\ntt(I1\nI1\nttR'),
  (below) => Buffer.alloc(pick([10, 1_000, 200_000], below), pick(['(', ']', '}', ')', '2', 'N'], below)),
  () => latin1(`]q\x00${'](h\x00h\x00eq\x00'.repeat(40)}`),
  () => latin1('\x8b\xff\xff\xff\x7f'),
  () => latin1('\x8d\xff\xff\xff\xff\xff\xff\xff\x7f'),
  () => latin1('r\xff\xff\xff\x7f'),
  () => latin1('\x95\xff\xff\xff\xff\xff\xff\xff\xff'),
  (below) => {
    const text = Buffer.from(hostileText(below)).subarray(0, 200);
    return Buffer.concat([latin1('\x8c'), Buffer.from([text.length]), text]);
  },
];

function mutatePickle(pickle: Uint8Array, others: readonly Uint8Array[], below: Below): Buffer {
  if (below(3) > 0) return mutate(pickle, others, below);
  const at = below(pickle.length);
  return Buffer.concat([pickle.subarray(0, at), pick(OPCODES, below)(below), pickle.subarray(at)]);
}

function torchFiles() {
  const folder = join(ROOT, 'test', 'golden', 'data', 'torch');
  return readdirSync(folder)
    .filter((name) => /\.pth?$/.test(name))
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))));
}

export function pth(): Format {
  const seeds = torchFiles().filter((bytes) => bytes[0] === 0x50);
  const zips = seeds.map((bytes) => unzipSync(bytes));
  const pickleOf = (members: Readonly<Record<string, Uint8Array>>) =>
    Object.keys(members).find((name) => name.endsWith('/data.pkl'))!;
  const pickles = zips.map((members) => members[pickleOf(members)]!);
  return {
    make: (below) => {
      if (below(3) === 0) return mutate(pick(seeds, below), seeds, below);
      // A valid zip file with correct checksums, whose members are damaged.
      const members: Record<string, Uint8Array> = { ...pick(zips, below) };
      const names = Object.keys(members);
      if (below(8) === 0)
        members[
          pick(
            [`../${CANARY}`, `/tmp/${CANARY}`, names[0]!.toUpperCase(), hostileText(below).slice(0, 10_000)],
            below,
          )
        ] = pick(seeds, below);
      const name = below(4) === 0 ? pick(names, below) : pickleOf(members);
      members[name] = mutatePickle(members[name]!, pickles, below);
      // A fixed time, as the same number always makes the same file.
      return zipSync(members, { level: below(2) === 0 ? 0 : 6, mtime: '2000-01-01T12:00' });
    },
    read: readWeights,
  };
}

export function oldPth(): Format {
  const seeds = torchFiles().filter((bytes) => bytes[0] !== 0x50);
  return { make: (below) => mutatePickle(pick(seeds, below), seeds, below), read: readWeights };
}

/** The JSON header and the data after it. */
function partsOf(file: Buffer): { readonly header: Buffer; readonly data: Buffer } {
  const length = Number(file.readBigUInt64LE(0));
  return { header: file.subarray(8, 8 + length), data: file.subarray(8 + length) };
}

function withHeader(header: string, data: Buffer, below: Below): Buffer {
  const bytes = Buffer.from(header);
  const padded = Buffer.concat([bytes, Buffer.alloc(below(2) ? (8 - (bytes.length % 8)) % 8 : 0, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(
    below(20) === 0 ? pick([0n, 1n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n], below) : BigInt(padded.length),
  );
  return Buffer.concat([length, padded, below(8) === 0 ? mutate(data, [data], below) : data]);
}

function mutateSafetensors(file: Buffer, others: readonly Buffer[], below: Below): Buffer {
  if (below(4) === 0) return mutate(file, others, below);
  const { header, data } = partsOf(file);
  if (below(4) === 0) return withHeader(mutate(header, others, below).toString('latin1'), data, below);
  return withHeader(mutateJson(JSON.parse(header.toString()), below), data, below);
}

export function safetensors(): Format {
  const content = {
    metadata: new Map([
      ['format', 'pt'],
      ['classes', '["a","b"]'],
    ]),
    tensors: new Map([
      ['a.weight', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['a.bias', { shape: [2], data: Float64Array.of(1, 2) }],
      ['n', { shape: [], data: BigInt64Array.of(7n) }],
      ['bytes', { shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ]),
  };
  const file = Buffer.concat(encodeSafetensors(content));
  const { header, data } = partsOf(file);
  const half = header.toString().replace('F32","shape":[2,3]', 'BF16","shape":[12]');
  const seeds = [file, withHeader(half, data, () => 1)];
  return { make: (below) => mutateSafetensors(pick(seeds, below), seeds, below), read: readWeights };
}

/** Checkpoints of runs: safetensors with the state of a run as JSON in the metadata. */
export function checkpoint(): Format {
  const file = readFileSync(
    join(ROOT, 'test', 'golden', 'data', 'run-format-1', 'whole', 'last.safetensors'),
  );
  const { header, data } = partsOf(file);
  const parsed = JSON.parse(header.toString()) as { readonly __metadata__: Readonly<Record<string, string>> };
  const state = JSON.parse(parsed.__metadata__.densor!);
  return {
    make: (below) => {
      if (below(4) === 0) return mutateSafetensors(file, [header], below);
      const __metadata__ = { ...parsed.__metadata__, densor: mutateJson(state, below) };
      return withHeader(JSON.stringify({ ...parsed, __metadata__ }), data, below);
    },
    read: async (bytes) => {
      const { run, shapes } = decodeCheckpoint(bytes, 'last.safetensors');
      return [...(run.config.classNames ?? []), run.config.model, run.engine, ...shapes.keys()]
        .slice(0, 20)
        .join('\n');
    },
  };
}

export function onnx(): Format {
  const seed = onnxSeed();
  return {
    make: (below) => (below(3) === 0 ? mutate(seed, [seed], below) : mutateWire(seed, below)),
    read: readWeights,
  };
}
