import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Loader, modelByName, openDataset } from '../../src/index.ts';
import { readOnnxWeights } from '../../src/io/onnx/read.ts';
import { decodeSafetensors, type StoredTensor } from '../../src/io/safetensors.ts';
import { densorIn, densorProcess, densorWithRoom, SMALL } from '../support/cli.ts';
import { relativeError } from '../support/compare.ts';
import { bitsOf, floats } from '../support/floats.ts';
import { onnxruntimeLogits, referenceLogits, type State } from '../support/onnx.ts';

const QUIET = { note: () => {}, bytes: () => {} };

let folder: string;
/** The output of one export in both formats. */
let json: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  expect((await densorIn(folder, 'train', ...SMALL, '--out', 'run')).status).toBe(0);
  json = (await exported('run', '--onnx', 'both.onnx', '--safetensors', 'both.safetensors', '--json')).stdout;
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const exported = (...args: readonly string[]) => densorIn(folder, 'export', ...args);
const bytesOf = (name: string) => readFileSync(join(folder, name));
const tensorsOf = (name: string) => decodeSafetensors(bytesOf(name), name).tensors;
/** Names, shapes and hashes of tensors, in order. */
const digest = (tensors: ReadonlyMap<string, StoredTensor>) =>
  [...tensors].map(([name, { shape, data }]) => [name, shape, bitsOf(data)]);
const stateOf = (name: string): State =>
  new Map([...tensorsOf(name)].map(([tensor, { data }]) => [tensor, data as Float32Array]));

describe('densor export', () => {
  test('writes a trained network as ONNX, and onnxruntime gives the logits of our engine', async () => {
    const { status, stderr, stdout } = densorProcess(folder, 'export', 'run', '--onnx', 'net.onnx');
    expect(status, stderr).toBe(0);
    expect(stdout).toBe(
      'net.onnx: ONNX, opset 17, 2.94 MiB, 126 tensors of 764,834 numbers (notes, last checkpoint)\n',
    );

    const { test: images } = await openDataset('sample', undefined, QUIET);
    const loader = new Loader(images, { size: [32, 32], batch: 6 });
    const batch = floats(loader.batch(loader.order(), 0).images);
    const model = modelByName('notes');
    const want = await referenceLogits(model, [32, 32], stateOf('run/last.safetensors'), batch);
    const [six] = await onnxruntimeLogits(bytesOf('net.onnx'), [batch], [1, 32, 32]);
    expect(relativeError(six!, want)).toBeLessThan(1e-4);
    const [one] = await onnxruntimeLogits(bytesOf('net.onnx'), [batch.subarray(0, 1024)], [1, 32, 32]);
    expect(relativeError(one!, want.subarray(0, 10))).toBeLessThan(1e-4);
  });

  test("writes the checkpoint's very numbers in both formats, and says so", () => {
    const file = (path: string, format: string) => ({
      path,
      format,
      bytes: statSync(join(folder, path)).size,
      tensors: 126,
    });
    expect(JSON.parse(json)).toEqual({
      checkpoint: 'run/last.safetensors',
      model: 'notes',
      channels: 1,
      size: 32,
      classes: 10,
      numbers: 764_834,
      files: [{ ...file('both.onnx', 'onnx'), opset: 17 }, file('both.safetensors', 'safetensors')],
    });
    const checkpoint = digest(tensorsOf('run/last.safetensors'));
    expect(digest(tensorsOf('both.safetensors'))).toEqual(checkpoint);
    expect(digest(readOnnxWeights(bytesOf('both.onnx'), 'both').tensors)).toEqual(checkpoint);
  });

  test('stores in both the information for using the file', () => {
    const { metadata } = decodeSafetensors(bytesOf('both.safetensors'), 'both');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const card = {
      model: 'notes',
      classes: '10',
      class_names:
        '["t-shirt","trouser","pullover","dress","coat","sandal","shirt","sneaker","bag","ankle boot"]',
      channels: '1',
      size: '32',
      preprocessing: 'grey pixels resized to 32×32 (bilinear, antialiased), divided by 255',
      producer: `densor ${version}`,
    };
    expect(Object.fromEntries(metadata)).toEqual({ format: 'pt', ...card });
    expect(Object.fromEntries(readOnnxWeights(bytesOf('both.onnx'), 'both').metadata)).toEqual(card);
  });

  test('exports the best checkpoint if requested, and replaces a file of the same name', async () => {
    const path = join(folder, 'run/best.safetensors');
    const whole = bytesOf('run/best.safetensors');
    const other = Buffer.from(whole);
    other.writeFloatLE(0.125, other.length - 4); // Both checkpoints are equal after one epoch.
    writeFileSync(path, other);
    writeFileSync(join(folder, 'best.safetensors'), 'old');
    await exported('run', '--safetensors', 'best.safetensors', '--checkpoint', 'best');
    writeFileSync(path, whole);
    expect(bytesOf('best.safetensors').readFloatLE(bytesOf('best.safetensors').length - 4)).toBe(0.125);
  });

  test('writes the same bytes each time', async () => {
    await exported('run', '--onnx', 'again.onnx');
    expect(bytesOf('again.onnx').equals(bytesOf('both.onnx'))).toBe(true);
  });
});

describe('densor export refuses with status 2 and one line, without writing files:', () => {
  test.each([
    [['run'], /nothing to export: expected --onnx FILE, --safetensors FILE or both/],
    [['nowhere', '--onnx', 'x.onnx'], /nowhere does not exist: expected the folder of a run/],
    [['run', '--onnx', ''], /--onnx.*expected a path/],
    [['run', '--checkpoint', 'first', '--onnx', 'x.onnx'], /'first' is invalid/],
    [['run', '--onnx', 'nowhere/x.onnx'], /nowhere does not exist: create that folder first/],
    [['run', '--onnx', 'run'], /run: is a folder/],
    [['run', '--safetensors', 'run/last.safetensors'], /belongs to the run/],
    [['run', '--onnx', './run/../run/log.jsonl'], /belongs to the run/],
    [['run', '--onnx', 'x', '--safetensors', './x'], /is given for both files/],
  ])('%j', async (args, message) => {
    const before = [readdirSync(folder), readdirSync(join(folder, 'run'))];
    const { status, stdout, stderr } = await exported(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect([readdirSync(folder), readdirSync(join(folder, 'run'))]).toEqual(before);
  });

  test('a full disk, and an older file stays', () => {
    writeFileSync(join(folder, 'full.onnx'), 'old');
    const before = readdirSync(folder);
    const { status, lastLine } = densorWithRoom(1000, folder, 'export', 'run', '--onnx', 'full.onnx');
    expect(status).toBe(2);
    expect(lastLine).toMatch(/full\.onnx: .*\((EFBIG|ENOSPC)\): free some room/);
    expect(bytesOf('full.onnx').toString()).toBe('old');
    expect(readdirSync(folder)).toEqual(before);
  });

  test('a checkpoint that is damaged', async () => {
    const path = join(folder, 'run/best.safetensors');
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, 9000));
    const { status, lastLine } = await exported('run', '--checkpoint', 'best', '--onnx', 'f.onnx');
    writeFileSync(path, whole);
    expect([status, lastLine]).toEqual([2, expect.stringContaining('truncated')]);
    expect(existsSync(join(folder, 'f.onnx'))).toBe(false);
  });
});
