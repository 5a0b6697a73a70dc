import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn, densorProcess, SHORT, SMALL } from '../support/cli.ts';
import { bitsOf } from '../support/floats.ts';
import { goldenPath } from '../support/golden.ts';
import { messageType } from '../support/onnx-messages.ts';
import {
  bytesOf,
  dict,
  global,
  type Op,
  pickle,
  storage,
  tensor,
  text,
  torchZip,
  tuple,
} from '../support/pickle.ts';

/** The weights of the notes' network at 32×32 after a step in PyTorch, with PyTorch's names. */
let weights: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>;
beforeAll(() => {
  const { tensors } = decodeSafetensors(readFileSync(goldenPath('notes_net.safetensors')), 'notes_net');
  weights = new Map(
    [...tensors]
      .filter(([name]) => name.startsWith('after.') && !name.endsWith('num_batches_tracked'))
      .map(([name, { shape, data }]) => [name.slice('after.'.length), { shape, data: data as Float32Array }]),
  );
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);
const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes);

/** The weights as a torch.save file, optionally renamed. */
function torchFile(
  rename = (name: string) => name,
  changed: typeof weights = weights,
  more: readonly (readonly [string, Op])[] = [],
): Uint8Array {
  const entries = [...changed].map(([name, { shape, data }], i) => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    return [rename(name), tensor(storage(`${i}`, data.length), 0, shape, strides)] as const;
  });
  const storages = [...changed.values()].map(({ data }, i) => [
    `${i}`,
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  ]);
  return torchZip(pickle(dict([...entries, ...more])), Object.fromEntries(storages));
}

describe('densor import', () => {
  test('imports weights from .pth and .safetensors, for evaluate and train', async () => {
    write(
      'net.pth',
      torchFile((name) => `module.${name}`),
    );
    write('net.safetensors', Buffer.concat(encodeSafetensors({ metadata: new Map(), tensors: weights })));
    const words = ['import', 'net.pth', '--model', 'notes', '--size', '32', '--out', 'a'];
    const first = densorProcess(folder, ...words);
    expect(first.status, first.stderr).toBe(0);
    expect(first.stdout).toBe('notes, 1×32×32, 10 classes, 758,226 parameters: a\n');
    expect(first.stderr).toMatch(/torch\.save: 126 tensors taken over, 126 of them renamed/);
    expect(first.stderr).toMatch(/the names begin with module\./);
    const second = await densor(
      'import',
      'net.safetensors',
      '--model',
      'notes',
      '--size',
      '32',
      '--out',
      'b',
      '--json',
    );
    expect(JSON.parse(second.stdout)).toMatchObject({
      ...{ model: 'notes', channels: 1, classes: 10, size: 32, parameters: 758226, format: 'safetensors' },
      ...{ matched: 126, newHead: [], leftOver: { count: 0, names: [] } },
    });
    for (const run of ['a', 'b']) {
      expect(readdirSync(join(folder, run)).sort()).toEqual(['best.safetensors', 'last.safetensors']);
      const { state } = loadCheckpoint(join(folder, run, 'last.safetensors'));
      for (const [name, { data }] of weights)
        expect([name, bitsOf(state.get(name)!)]).toEqual([name, bitsOf(data)]);
    }

    const tested = await densor('evaluate', 'a', '--data', 'sample', '--json');
    expect(tested.status, tested.stderr).toBe(0);
    expect(JSON.parse(tested.stdout).images).toBe(200);
    const untold = await densor('evaluate', 'a');
    expect([untold.status, untold.lastLine]).toEqual([2, expect.stringMatching(/imported.*--data/)]);
    const resumed = await densor('train', '--resume', 'a');
    expect([resumed.status, resumed.lastLine]).toEqual([2, expect.stringMatching(/train --from a$/)]);

    // With a tiny rate the weights do not change, so the test result is that of the initial weights.
    const still = ['--data', 'sample', '--batch', '40', '--limit', '40', '--epochs', '1', '--lr', '1e-30'];
    const trained = await densor('train', '--from', 'a', ...still, '--out', 'tuned', '--json');
    expect(trained.status, trained.stderr).toBe(0);
    expect(JSON.parse(trained.stdout).weights).toMatchObject({ matched: 126, newHead: [] });
    const after = loadCheckpoint(join(folder, 'tuned/last.safetensors'));
    for (const [name, { data }] of weights) {
      if (name.includes('running')) continue;
      expect([name, bitsOf(after.state.get(name)!)]).toEqual([name, bitsOf(data)]);
    }
    expect(after.run.config).toMatchObject({
      size: 32,
      startedFrom: { file: join('a', 'last.safetensors') },
    });
  });

  test('of an exported file knows the image size, classes and normalization', async () => {
    const wanted = ['--normalize', 'measured', '--out', 'run'];
    expect((await densor('train', ...SHORT, ...wanted)).status).toBe(0);
    expect((await densor('export', 'run', '--onnx', 'a.onnx', '--safetensors', 'a.safetensors')).status).toBe(
      0,
    );
    const { size, classNames, transforms } = loadCheckpoint(join(folder, 'run/last.safetensors')).run.config;
    for (const file of ['a.onnx', 'a.safetensors', 'run', 'run/best.safetensors']) {
      const out = `from-${file.replaceAll('/', '-')}`;
      const { status, stderr } = await densor('import', file, '--model', 'densenet-bc-10-4', '--out', out);
      expect(status, stderr).toBe(0);
      expect(stderr).toMatch(/images are normalised as the file says: less 0\.\d+, divided by 0\.\d+/);
      const { config } = loadCheckpoint(join(folder, out, 'last.safetensors')).run;
      expect(config).toMatchObject({ size, classNames, transforms });
    }
    const other = await densor('train', '--from', 'run', ...SHORT, '--out', 'other');
    expect(other.stderr).toMatch(
      /warning: the weights were trained on images less 0\.\d+.*; these are as they are/,
    );
    const same = await densor('train', '--from', 'run', ...SHORT, '--normalize', 'measured', '--out', 'same');
    expect(same.stderr).not.toContain('warning: the weights');
  });

  test('reports unknown properties of the images, and accepts options for them', async () => {
    write('net.pth', torchFile());
    const args = ['import', 'net.pth', '--model', 'notes', '--size', '32'];
    expect((await densor(...args, '--out', 'a')).stderr).toMatch(
      /note: the file does not say how its images were normalised/,
    );
    expect((await densor(...args, '--normalize', 'none', '--out', 'b')).stderr).not.toContain('note:');
    const wrong = await densor(...args, '--normalize', 'imagenet', '--out', 'c');
    expect([wrong.status, wrong.lastLine]).toEqual([2, expect.stringMatching(/3 channels, these have 1$/)]);
    expect(existsSync(join(folder, 'c'))).toBe(false);
  });

  test('of another number of classes reinitializes the classifier, and trains on', async () => {
    write('net.pth', torchFile());
    const { status, stdout } = await densor(
      ...['import', 'net.pth', '--model', 'notes', '--size', '32', '--classes', '12', '--out', 'a', '--json'],
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      classes: 12,
      matched: 124,
      newHead: ['12.weight', '12.bias'],
    });
    const { state, shapes } = loadCheckpoint(join(folder, 'a/last.safetensors'));
    expect(shapes.get('12.weight')).toEqual([12, 248]);
    expect(new Set(state.get('12.weight')).size).toBeGreaterThan(1000);
    const trained = await densor('train', '--from', 'a', ...SMALL, '--out', 'b');
    expect(trained.status, trained.stderr).toBe(0);
    expect(trained.stderr).toMatch(/new head: 12\.weight, 12\.bias are reinitialized/);
    expect(loadCheckpoint(join(folder, 'b/last.safetensors')).run.config.classes).toBe(10);
  });
});

/** An ONNX file with one tensor whose external data are in /etc/passwd. */
function onnxElsewhere(): Uint8Array {
  const initializer = [
    {
      name: '0.0.weight',
      dims: [64, 1, 7, 7],
      data_type: 1,
      data_location: 1,
      external_data: [{ key: 'location', value: '/etc/passwd' }],
    },
  ];
  return messageType('ModelProto').encode({ ir_version: 8, graph: { initializer } }).finish();
}

describe('a file that is refused: exit status 2, one line, nothing written:', () => {
  const command = bytesOf(global('os', 'system'), tuple(text('touch pwned')), 'R');
  test.each<[string, () => Uint8Array, RegExp]>([
    [
      'a shape that differs',
      () =>
        torchFile(
          undefined,
          new Map([...weights, ['0.0.weight', { shape: [32, 2, 7, 7], data: new Float32Array(3136) }]]),
        ),
      /tensor 0\.0\.weight is 32×2×7×7, the model expects 64×2×7×7/,
    ],
    [
      'a checkpoint of another model',
      () => readFileSync(goldenPath('torchvision_small.pth')),
      /not of this model: of its 126 tensors 126 are missing \(0\.0\.weight, .* and 116 more\)/,
    ],
    ['half a file', () => torchFile().subarray(0, 1_000_000), /damaged zip/],
    [
      'a zip with a name that climbs',
      () => zipSync({ ...unzipSync(torchFile()), '../evil': strToU8('x') }, { level: 0 }),
      /damaged zip: invalid relative path/,
    ],
    [
      'ONNX with its data in another folder',
      () => onnxElsewhere(),
      /has its data in \/etc\/passwd, which is a path/,
    ],
    [
      'safetensors whose numbers end early',
      () =>
        Buffer.concat(encodeSafetensors({ metadata: new Map(), tensors: weights })).subarray(0, 1_000_000),
      /truncated: the tensors need \d+ bytes/,
    ],
  ])('%s', async (_, make, message) => {
    write('net.pth', make());
    const { status, stdout, stderr } = await densor('import', 'net.pth', '--model', 'notes', '--out', 'run');
    expect([status, stdout, stderr.trim()]).toEqual([2, '', expect.stringMatching(message)]);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(readdirSync(folder)).toEqual(['net.pth']);
  });

  test('a file with code in addition to weights is read, and the code is skipped and named', async () => {
    write(
      'net.pth',
      torchZip(
        pickle(
          dict([
            ['code', command],
            ['a', tensor(storage('0', 1), 0, [1], [1])],
          ]),
        ),
        { 0: new Uint8Array(4) },
      ),
    );
    const alone = await densor('import', 'net.pth', '--model', 'notes', '--out', 'run');
    expect([alone.status, alone.lastLine]).toEqual([
      2,
      expect.stringMatching(/its 126 tensors 126 are missing/),
    ]);
    write('net.pth', torchFile(undefined, weights, [['code', command]]));
    const { status, stderr } = await densor(
      'import',
      'net.pth',
      '--model',
      'notes',
      '--size',
      '32',
      '--out',
      'run',
    );
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/left out what is of os\.system, of which nothing was run\n/),
    ]);
    expect(readdirSync(folder).sort()).toEqual(['net.pth', 'run']);
  });

  test('code instead of weights does not start a training', async () => {
    write('net.pth', torchZip(pickle(command)));
    const { status, lastLine } = await densor('train', '--from', 'net.pth', ...SMALL, '--out', 'run');
    expect([status, lastLine]).toEqual([
      2,
      expect.stringMatching(/holds an object of os\.system, not a state dict/),
    ]);
    expect(readdirSync(folder)).toEqual(['net.pth']);
  });

  test.each<[string, string[], RegExp]>([
    [
      'a file that is not there',
      ['import', 'no.pth', '--model', 'notes', '--out', 'run'],
      /no\.pth: does not exist/,
    ],
    [
      'a size that does not fit',
      ['import', 'net.pth', '--model', 'notes', '--size', '8', '--out', 'run'],
      /transition|pool/,
    ],
    [
      'other channels',
      ['import', 'net.pth', '--model', 'notes', '--channels', '3', '--out', 'run'],
      /64×1×7×7, the model expects 64×3×7×7/,
    ],
    ['--from and --resume', ['train', '--from', 'net.pth', '--resume', 'run'], /--from contradicts --resume/],
  ])('%s', async (_, args, message) => {
    write('net.pth', torchFile());
    const { status, lastLine } = await densor(...args);
    expect([status, lastLine]).toEqual([2, expect.stringMatching(message)]);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });
});
