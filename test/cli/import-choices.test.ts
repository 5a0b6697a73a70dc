import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../../src/io/safetensors.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn } from '../support/cli.ts';
import { goldenPath } from '../support/golden.ts';
import { dict, type Op, pickle, storage, tensor, torchZip } from '../support/pickle.ts';

const MODEL = ['--model', 'densenet-bc-10-4'];
type Tensors = ReadonlyMap<string, StoredTensor>;
const tensors: Tensors = decodeSafetensors(
  readFileSync(goldenPath('onnx/weights.safetensors')),
  'weights',
).tensors;
const halved: Tensors = new Map(
  [...tensors].map(([name, { shape, data }]) => [
    name,
    { shape, data: (data as Float32Array).map((x) => x / 2) },
  ]),
);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const densor = (...args: readonly string[]) => densorIn(folder, ...args);
const write = (name: string, bytes: Uint8Array | string) => writeFileSync(join(folder, name), bytes);
const stored = (run: string) => loadCheckpoint(join(folder, run, 'last.safetensors'));

/** The tensors of a network for grayscale images. */
const grey = (of: Tensors): Tensors => {
  const first = 'features.conv0.weight';
  return new Map(of).set(first, { shape: [8, 1, 3, 3], data: of.get(first)!.data.slice(0, 72) });
};

/** A checkpoint with the weights and their averages. */
function torchFile(own = tensors, averages = halved): Uint8Array {
  const storages: Record<string, Uint8Array> = {};
  const stateDict = (of: Tensors, mark: string): Op =>
    dict(
      [...of].map(([name, { shape, data }], i) => {
        storages[`${mark}${i}`] = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
        return [name, tensor(storage(`${mark}${i}`, data.length), 0, shape, strides)] as const;
      }),
    );
  const content = dict([
    ['model', stateDict(own, 'a')],
    ['model_ema', stateDict(averages, 'b')],
  ]);
  return torchZip(pickle(content), storages);
}

const prefixed = (...sets: readonly (readonly [string, Tensors])[]) =>
  Buffer.concat(
    encodeSafetensors({
      metadata: new Map(),
      tensors: new Map(
        sets.flatMap(([prefix, of]) => [...of].map(([name, each]) => [`${prefix}.${name}`, each])),
      ),
    }),
  );

describe('of a file with several sets of weights', () => {
  const files: readonly (readonly [string, () => Uint8Array, string])[] = [
    ['net.pth', torchFile, 'model_ema'],
    ['net.safetensors', () => prefixed(['ema_model.module', halved], ['model', tensors]), 'ema_model.module'],
  ];
  test.each(files)(
    "%s: import takes the network's own, says so, and takes others by their name",
    async (file, make, name) => {
      write(file, make());
      const own = await densor('import', file, ...MODEL, '--out', 'own');
      expect(own.status, own.stderr).toBe(0);
      expect(own.stderr).toContain(
        `averages of weights lie beside them, under ${name}: --weights takes those\n`,
      );
      const averages = await densor('import', file, ...MODEL, '--out', 'averages', '--weights', name);
      expect(averages.stderr).toContain(`the weights are those under ${name}\n`);
      for (const [key, { data }] of tensors) {
        expect(stored('own').state.get(key)).toEqual(data);
        expect(stored('averages').state.get(key)).toEqual(halved.get(key)!.data);
      }
      expect(stored('averages').run.config.startedFrom).toMatchObject({ file, weights: name });
      const again = await densor('import', file, ...MODEL, '--out', 'averages');
      expect([again.status, again.lastLine]).toEqual([2, expect.stringContaining('averages')]);
    },
  );

  test('train --from selects one by name, and lists them', async () => {
    write('net.pth', torchFile(grey(tensors), grey(halved)));
    const still = [
      '--data',
      'sample',
      '--limit',
      '8',
      '--batch',
      '8',
      '--epochs',
      '1',
      '--lr',
      '1e-30',
      '--size',
      '32',
    ];
    const from = ['train', ...MODEL, ...still, '--from', 'net.pth', '--out', 'run'];
    const wrong = await densor(...from, '--weights', 'swa');
    expect([wrong.status, wrong.lastLine]).toEqual([
      2,
      'densor: net.pth has no weights under swa: it has model (47 tensors), model_ema (47 tensors)',
    ]);
    const right = await densor(...from, '--weights', 'model_ema');
    expect(right.status, right.stderr).toBe(0);
    const { state, run } = stored('run');
    expect(run.config.startedFrom).toMatchObject({ file: 'net.pth', weights: 'model_ema' });
    const name = 'features.denseblock1.denselayer1.conv1.weight';
    expect(state.get(name)).toEqual(halved.get(name)!.data);
    const alone = await densor('train', ...still, '--weights', 'model_ema');
    expect([alone.status, alone.lastLine]).toEqual([
      2,
      expect.stringMatching(/specify the file with --from$/),
    ]);
  });
});

test('weights of another network are recognised', async () => {
  write('net.safetensors', prefixed(['module', tensors]));
  const { status, lastLine } = await densor(
    'import',
    'net.safetensors',
    '--model',
    'densenet121',
    '--out',
    'run',
  );
  expect([status, lastLine]).toEqual([
    2,
    'densor: net.safetensors is not of densenet121; it looks like densenet-bc-10-4: use --model densenet-bc-10-4',
  ]);
});

describe('import --class-names', () => {
  const names = ['import', 'net.safetensors', ...MODEL, '--out', 'run', '--class-names', 'names.txt'];
  beforeEach(() => cpSync(goldenPath('onnx/weights.safetensors'), join(folder, 'net.safetensors')));

  test('names the classes of the run', async () => {
    write('names.txt', '\ufeffcat\r\ndog\r\nsea lion\r\n');
    const { status, stderr } = await densor(...names);
    expect(status, stderr).toBe(0);
    expect(stored('run').run.config.classNames).toEqual(['cat', 'dog', 'sea lion']);
  });

  test('has as many as there are classes', async () => {
    write('names.txt', 'cat\ndog\n');
    const { status, lastLine } = await densor(...names);
    expect([status, lastLine]).toEqual([
      2,
      'densor: names.txt has 2 names, the network has 3 classes: expected a name for each',
    ]);
    const folderOfNames = await densor(...names.slice(0, -1), '.');
    expect([folderOfNames.status, folderOfNames.lastLine]).toEqual([
      2,
      expect.stringMatching(/is a folder: expected a file of class names$/),
    ]);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });
});
