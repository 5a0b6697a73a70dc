import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { decodeWeights } from '../../src/node/weights-file.ts';
import { mutate } from './mutate.ts';
import { onnxSeed } from './onnx-seed.ts';
import type { Below } from './random.ts';

/** A reader of files from outside, and how damaged files for it are made. */
export interface FuzzTarget {
  readonly name: string;
  /** A damaged file. */
  readonly make: (below: Below) => Uint8Array;
  /** Reads all of it; an `InputError` is an answer, every other one is a fault. */
  readonly read: (bytes: Uint8Array) => Promise<void>;
}

/** @param root the repository: the good files are in test/golden/torch. */
export function fuzzTargets(root: string): readonly FuzzTarget[] {
  return [torch(join(root, 'test', 'golden', 'torch')), safetensors(), onnx()];
}

function torch(folder: string): FuzzTarget {
  const seeds = readdirSync(folder)
    .filter((name) => /\.pth?$/.test(name))
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))));
  const zips = seeds.filter((bytes) => bytes[0] === 0x50).map((bytes) => unzipSync(bytes));
  const pickles = zips.map((members) => members[pickleOf(members)]!);
  return {
    name: 'pth',
    make: (below) => {
      if (below(2) === 0) return mutate(seeds[below(seeds.length)]!, seeds, below);
      // The zip is whole, with right checksums, and what it holds is damaged.
      const members = { ...zips[below(zips.length)]! };
      const names = Object.keys(members);
      const name = below(4) === 0 ? names[below(names.length)]! : pickleOf(members);
      members[name] = mutate(members[name]!, pickles, below);
      return zipSync(members, { level: below(2) === 0 ? 0 : 6 });
    },
    read: readAll,
  };
}

function safetensors(): FuzzTarget {
  const content = {
    metadata: new Map([['format', 'pt']]),
    tensors: new Map([
      ['a.weight', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['a.bias', { shape: [2], data: Float64Array.of(1, 2) }],
      ['n', { shape: [], data: BigInt64Array.of(7n) }],
      ['bytes', { shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ]),
  };
  const [length, header, ...data] = encodeSafetensors(content);
  const half = Buffer.from(
    Buffer.from(header!).toString().replace('F32","shape":[2,3]', 'BF16","shape":[12]'),
  );
  const seeds = [Buffer.concat([length!, header!, ...data]), Buffer.concat([length!, half, ...data])];
  return {
    name: 'safetensors',
    make: (below) => {
      if (below(2) === 0) return mutate(seeds[below(2)]!, seeds, below);
      // The length fits the damaged header.
      const damaged = mutate(below(2) === 0 ? header! : half, [header!, half], below);
      const size = Buffer.alloc(8);
      size.writeUInt32LE(damaged.length);
      return Buffer.concat([size, damaged, ...data]);
    },
    read: readAll,
  };
}

function onnx(): FuzzTarget {
  const seed = onnxSeed();
  return {
    name: 'onnx',
    make: (below) => mutate(seed, [seed], below),
    read: readAll,
  };
}

async function readAll(bytes: Uint8Array): Promise<void> {
  const { tensors } = await decodeWeights(bytes, 'fuzzed');
  for (const { shape, read } of tensors.values()) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (read().length !== count) throw new RangeError(`${shape} has other than ${count} elements`);
  }
}

function pickleOf(members: Readonly<Record<string, Uint8Array>>): string {
  return Object.keys(members).find((name) => name.endsWith('/data.pkl'))!;
}
