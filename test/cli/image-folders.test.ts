import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn, eventsOf } from '../support/cli.ts';
import { writeColours } from '../support/images.ts';

let folder: string;
const densor = (...args: readonly string[]) => densorIn(folder, ...args);
const SHORT = '--model densenet-bc-10-4 --size 16 --batch 8 --threads 1 --lr 0.05'.split(' ');
const train = (...args: readonly string[]) => densor('train', ...SHORT, ...args);
const json = async (...args: readonly string[]) => {
  const { status, stdout, stderr } = await densor(...args, '--json');
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
};
const lastOf = (run: string) => loadCheckpoint(join(folder, run, 'last.safetensors')).run;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  await writeColours(join(folder, 'three/train'), 6);
  await writeColours(join(folder, 'three/valid'), 3);
  await writeColours(join(folder, 'three/test'), 2);
  rmSync(join(folder, 'three/test/green'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a run on a folder with train, valid and test', () => {
  test('chooses the best epoch by valid, evaluates test at the end, and evaluate and resume agree', async () => {
    const { status, stderr, stdout } = await train('--data', 'folder:three', '--epochs', '3', '--out', 'run');
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/three: its images in valid choose the best epoch, those in test are the test/);
    expect(stderr).toMatch(/test has no images of green: not tested on those/);
    expect(stderr).toMatch(/^class +train +validation +test\nblue +6 +3 +2\ngreen +6 +3 +0$/m);
    expect(stderr).toMatch(/^epoch 1\/3: .*validation acc \d\.\d{3}/m);
    expect(stderr).toMatch(/best epoch: \d, validation acc .* test acc \d\.\d{3}/);
    expect(stdout).toMatch(/test acc \d\.\d{3}/);
    const { config, best, last } = lastOf('run');
    expect(config).toMatchObject({ validationSha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(config).not.toHaveProperty('validate');
    const start = eventsOf(join(folder, 'run')).find(({ kind }) => kind === 'start');
    expect(start).toMatchObject({ trainImages: 18, validationImages: 9, testImages: 4 });
    const told = await json('train', '--resume', 'run');
    expect(told).toMatchObject({
      testAccuracy: last!.testAccuracy,
      bestTestAccuracy: best!.testAccuracy,
      bestValidationAccuracy: best!.validationAccuracy,
    });
    const tested = await json('evaluate', 'run', '--checkpoint', 'best', '--out', 'report');
    expect(tested).toMatchObject({ images: 4, testAccuracy: best!.testAccuracy });
    const validated = await json(
      'evaluate',
      'run',
      '--checkpoint',
      'best',
      '--validation',
      '--out',
      'report',
    );
    expect(validated).toMatchObject({ images: 9, validationAccuracy: best!.validationAccuracy });
  });

  test('uses its validation images instead of a fraction, also with patience', async () => {
    const args = ['--data', 'folder:three', '--epochs', '9', '--lr', '1e-9', '--patience', '1'];
    const { status, stderr } = await train(...args, '--validate', '0.5', '--out', 'impatient');
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/no better on the validation images than after epoch 1/);
    const [start] = eventsOf(join(folder, 'impatient')).filter(({ kind }) => kind === 'start');
    expect(start).toMatchObject({ trainImages: 18, validationImages: 9 });
  });

  test('does not resume with changed validation images', async () => {
    cpSync(join(folder, 'three'), join(folder, 'other'), { recursive: true });
    rmSync(join(folder, 'other/valid/red/0.jpeg'));
    const { status, lastLine } = await densor('train', '--resume', 'run', '--data', 'folder:other');
    expect([status, lastLine]).toEqual([
      2,
      expect.stringContaining('images or labels are not those of the run'),
    ]);
  });

  test('patience without validation images is refused before anything is trained', async () => {
    const { status, lastLine } = await train(
      '--data',
      'folder:three/train',
      '--recipe',
      'notes',
      '--patience',
      '1',
      '--out',
      'none',
    );
    expect([status, lastLine]).toEqual([
      2,
      expect.stringContaining('--patience requires validation images: set their share with --validate'),
    ]);
  });
});

describe('a folder of links', () => {
  test('is refused with the remedy, and followed if requested, also by a resumed run', async () => {
    await writeColours(join(folder, 'originals'), 5);
    cpSync(join(folder, 'originals'), join(folder, 'chosen'), { recursive: true });
    rmSync(join(folder, 'chosen/red'), { recursive: true });
    symlinkSync('../originals/red', join(folder, 'chosen/red'));
    const args = ['--data', 'folder:chosen', '--epochs', '1', '--out', 'linked'];
    const refused = await train(...args);
    expect([refused.status, refused.lastLine]).toEqual([
      2,
      expect.stringMatching(/holds a link, .*: use --follow-links to follow them, or copy/),
    ]);
    const { status, stderr } = await train(...args, '--follow-links');
    expect(status, stderr).toBe(0);
    expect(lastOf('linked').config).toMatchObject({
      followLinks: true,
      classNames: ['blue', 'green', 'red'],
    });
    expect((await densor('train', '--resume', 'linked')).status).toBe(0);
    const { testAccuracy } = lastOf('linked').last!;
    expect(await json('evaluate', 'linked')).toMatchObject({ images: 3, testAccuracy });
    // Links in another folder are followed only if requested again.
    rmSync(join(folder, 'chosen/green'), { recursive: true });
    const other = ['evaluate', 'linked', '--data', 'folder:chosen', '--out', 'report'];
    expect((await densor(...other)).lastLine).toMatch(/use --follow-links/);
    expect(await json(...other, '--follow-links')).toMatchObject({ images: 10 });
  });
});

test('with a memory limit, larger images are named and skipped', async () => {
  await writeColours(join(folder, 'small'), 4);
  const { default: sharp } = await import('sharp');
  const create = { width: 9000, height: 9000, channels: 3, background: 'red' } as const;
  await sharp({ create }).png().toFile(join(folder, 'small/red/large.png'));
  const args = ['--data', 'folder:small', '--epochs', '1', '--memory-limit', '400MiB', '--out', 'limited'];
  const { status, stderr } = await train(...args);
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(
    /skipped: red\/large\.png takes \d+ MiB to decode, and --memory-limit leaves \d+ MiB/,
  );
  expect(readFileSync(join(folder, 'limited/log.jsonl'), 'utf8')).toMatch(/red\/large\.png/);
});
