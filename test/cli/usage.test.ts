import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { densorIn, SHORT } from '../support/cli.ts';
import { goldenPath } from '../support/golden.ts';
import { idxLabels, writeIdxFolder } from '../support/idx.ts';

const golden = (name: string) => goldenPath(`${name}.safetensors`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);

describe('invalid usage or input gives one line, status 2, and no files:', () => {
  test.each([
    [['fly'], /unknown command 'fly'/],
    [[], /no command given/],
    [['train', '--sizzle', '3'], /unknown option '--sizzle'/],
    [['train', '--model', 'vgg'], /'vgg' is invalid.*notes/],
    [['train', '--engine', 'cuda'], /'cuda' is invalid.*wasm/],
    [['train', '--data', 'imagenet'], /expected a folder that exists, or fashion-mnist, sample, idx:DIR/],
    [['train', '--batch', '0'], /whole number from 1/],
    [['train', '--batch', '2.5'], /whole number/],
    [['train', '--threads', '0'], /whole number from 1 to 256/],
    [['train', '--lr', 'fast'], /number above 0/],
    [['train', '--recipe', 'soup'], /'soup' is invalid.*notes, d2l, quick, photos, paper-cifar, best/],
    [['train', '--momentum', '1'], /number from 0 and below 1/],
    [['train', '--recipe', 'bset'], /best-longer or fine-tune \(did you mean best\?\)/],
    [['train', '--model', 'densent121'], /\(did you mean densenet121\?\)/],
    [['train', '--data', 'sampel'], /\(did you mean sample\?\)/],
    [['train', '--data', 'photos'], /expected a folder that exists/],
    [['train', '--augment', 'flip,shfit'], /not 'shfit' \(did you mean shift\?\)/],
    [['train', '--bathc', '3'], /Did you mean --batch/],
    [['help', 'trian'], /unknown command 'trian' \(Did you mean train/],
    [['train', '--memory-limit', '4'], /a number without a unit is in bytes: .*\(did you mean 4GiB\?\)/],
    [['train', '--memory-limit', '2048'], /\(did you mean 2048MiB\?\)/],
    [['train', '--memory-limit', '900M'], /\(did you mean 900MiB\?\)/],
    [['train', '--data', 'sample', '--size', '8'], /\(the least --size that works is 29\)/],
    [['summary', 'densenet-40-12', '--size', '3'], /\(the least --size that works is 4\)/],
    [['train', '--weight-decay', '-1'], /number from 0/],
    [['train', '--ema', '0'], /number above 0 and below 1/],
    [['train', '--schedule', 'linear'], /'linear' is invalid.*one-cycle/],
    [['train', '--patience', '3'], /--patience requires validation images: .*--validate/],
    [['train', '--warmup', '11'], /longer than the run of 10/],
    [['train', '--data', 'sample', '--validate', '0.0001'], /takes 0 for validation/],
    [['train', '--precision', 'f16'], /'f16' is invalid/],
    [
      ['train', '--data', 'sample', '--size', '28'],
      /transition 3 .*does not fit into a 1×1 feature map: .* --size that works is 29/,
    ],
    [
      ['train', '--data', 'sample', '--size', '32', '--batch', '1', '--limit', '1'],
      /batch norm needs more than one value per channel/,
    ],
    [
      ['train', '--data', 'sample', '--classes', '5'],
      /sample has 10 classes \(t-shirt, .*\), but --classes is 5: leave that out, or make it 10 or more/,
    ],
    [['train', '--data', 'sample', '--size', '2000', '--batch', '900'], /GiB/],
    [['train', '--out', ''], /--out.*expected a path/],
    [['train', '--resume', ''], /--resume.*expected a path/],
    [['train', '--data', 'idx:'], /expected a folder that exists, or fashion-mnist, sample, idx:DIR/],
    [['train', '--resume', 'nowhere'], /nowhere does not exist/],
    [['evaluate', 'nowhere'], /does not exist/],
    [['summary', 'vgg'], /'vgg' is invalid.*notes, densenet121, .*densenet-bc-D-K/],
    [['bench', '--model', 'densenet-41-12'], /'densenet-41-12' is invalid.*D − 4 a multiple of 3/],
    [['summary', 'densenet121', '--size', '15'], /transition 3 \(features\.transition3\.pool avgPool\)/],
    [['summary', 'notes', '--size', '28'], /transition 3/],
    [['profile', '--model', 'vgg'], /'vgg' is invalid.*notes/],
    [['profile', '--steps', '0'], /whole number from 1/],
    [['profile', '--out', 'picture.png'], /expected the name of an \.svg file/],
    [['profile', '--size', '28'], /transition 3/],
    [
      ['profile', '--size', '32', '--batch', '2', '--engine', 'reference'],
      /use --engine native, wasm or webgpu/,
    ],
    [['lr-find', '--from', '1', '--to', '0.1'], /--from 1 is not below --to 0.1/],
    [['lr-find', '--out', 'table.txt'], /expected the name of a \.csv file/],
    [['verify', 'missing.safetensors'], /missing.safetensors: does not exist/],
    [['verify', golden('resize')], /not of the one-step format/],
  ])('densor %j', async (args, message) => {
    const { status, stdout, stderr } = await densor(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('damaged data', async () => {
    writeIdxFolder(join(folder, 'data'), { 'train-labels-idx1-ubyte': idxLabels([1]) });
    const { status, stderr } = await densor('train', '--data', 'idx:data', '--out', 'run');
    expect(status).toBe(2);
    expect(stderr).toMatch(/1 label for the 6 images/);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });

  test('a damaged checkpoint, which is not modified', async () => {
    await densor('train', ...SHORT, '--out', 'run');
    const path = join(folder, 'run/last.safetensors');
    const truncated = readFileSync(path).subarray(0, 5000);
    writeFileSync(path, truncated);
    for (const args of [
      ['train', '--resume', 'run'],
      ['evaluate', 'run'],
    ]) {
      const { status, stderr } = await densor(...args);
      expect([status, stderr]).toEqual([2, expect.stringMatching(/^densor: .*truncated.*\n$/)]);
    }
    expect(readFileSync(path).equals(truncated)).toBe(true);
  });
});
