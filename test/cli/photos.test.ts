import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn } from '../support/cli.ts';
import { writeColours } from '../support/images.ts';

let folder: string;
const densor = (...args: readonly string[]) => densorIn(folder, ...args);
const configOf = (run: string) => loadCheckpoint(join(folder, run, 'last.safetensors')).run.config;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-photos-'));
  await writeColours(join(folder, 'photos'), 15);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('train FOLDER', () => {
  test('learns without options, and reports its choices with reasons', async () => {
    const trained = await densor('train', 'photos/', '--threads', '1', '--json', '--out', 'first');
    expect(trained.status, trained.stderr).toBe(0);
    const { testAccuracy, steps } = JSON.parse(trained.stdout);
    expect(testAccuracy).toBe(1);
    expect(steps).toBeGreaterThanOrEqual(100);
    expect(trained.stderr).toMatch(
      /^photos chose these settings from the images:\n {2}--size 32 +by the size of the images\n/m,
    );
    expect(trained.stderr).toMatch(/^ {2}--epochs 100 +\d+ steps in all$/m);
    const { recipe, data, size, batch, epochs, balance, validate, reasons } = configOf('first');
    expect({ recipe, data, size, batch, epochs, balance, validate }).toEqual({
      ...{ recipe: 'photos', data: 'folder:photos/', size: 32, batch: 16, epochs: 100 },
      ...{ balance: 'none', validate: 0.15 },
    });
    expect(Object.keys(reasons!)).toEqual(['size', 'batch', 'epochs', 'balance']);
  }, 120_000);

  test('uses given options, and a given recipe unchanged', async () => {
    const given = ['--epochs', '1', '--batch', '12', '--threads', '1'];
    const trained = await densor('train', '--data', 'photos', ...given, '--out', 'given');
    expect(trained.status, trained.stderr).toBe(0);
    expect(configOf('given')).toMatchObject({
      data: 'folder:photos',
      recipe: 'photos',
      epochs: 1,
      batch: 12,
    });
    expect(Object.keys(configOf('given').reasons!)).toEqual(['size', 'balance']);
    expect(trained.stderr).toMatch(
      /^warning: 3 steps in all, but a network needs hundreds: use more --epochs/m,
    );
    const named = await densor(
      'train',
      'photos',
      '--recipe',
      'notes',
      '--size',
      '32',
      ...given,
      '--out',
      'named',
    );
    expect(named.status, named.stderr).toBe(0);
    expect(configOf('named')).toMatchObject({ recipe: 'notes', optimizer: 'sgd', lr: 0.1, epochs: 1 });
    expect(configOf('named').reasons).toBeUndefined();
  }, 60_000);

  test('refuses two data sets, and a missing folder', async () => {
    const two = await densor('train', 'photos', '--data', 'sample');
    expect([two.status, two.lastLine]).toEqual([
      2,
      'densor: --data sample contradicts folder:photos: specify one data set',
    ]);
    const none = await densor('train', 'fotos');
    expect(none.status).toBe(2);
    expect(none.lastLine).toContain('expected a folder that exists, or fashion-mnist, sample');
  });

  test('warns about test images in the training set', async () => {
    cpSync(join(folder, 'photos'), join(folder, 'split/train'), { recursive: true });
    for (const name of ['blue', 'green', 'red']) {
      cpSync(join(folder, `photos/${name}/1.png`), join(folder, `split/test/${name}/again.png`));
    }
    const trained = await densor('train', 'split', '--epochs', '1', '--threads', '1', '--out', 'twice');
    expect(trained.status, trained.stderr).toBe(0);
    expect(trained.stderr).toMatch(
      /^warning: \d test images? of 3 (is|are) nearly the same as a training image, such as .*again\.png and .*png: the test accuracy will be too high$/m,
    );
  }, 60_000);
});
