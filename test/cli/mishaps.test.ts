import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/run/checkpoint-file.ts';
import { readerOf } from '../../src/train/checkpoint.ts';
import { densorIn, densorWithRoom, SHORT, SMALL } from '../support/cli.ts';
import { idxImages, writeIdxFolder } from '../support/idx.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);

describe('a full disk', () => {
  test('from the start gives a one-line error, and no checkpoint', async () => {
    const { status, lastLine, stderr } = densorWithRoom(200, folder, 'train', ...SMALL, '--out', 'run');
    expect(status, stderr).toBe(2);
    expect(lastLine).toMatch(
      /^densor: run\/last\.safetensors: .*(full|larger than the system allows).*another place/,
    );
    expect(existsSync(join(folder, 'run/last.safetensors'))).toBe(false);
    expect((await densor('train', ...SMALL, '--out', 'run')).status).toBe(0);
  });

  test('in the middle of a run gives an error with the file and the resume command, and keeps the checkpoint', async () => {
    // The log is so long that it reaches the limit in the first steps of the second epoch.
    const kibibytes = 4096;
    await densor('train', ...SHORT, '--out', 'run');
    const [log, path] = [join(folder, 'run/log.jsonl'), join(folder, 'run/last.safetensors')];
    const before = readFileSync(log, 'utf8');
    const rest = before.length + '{"kind":"note","text":""}\n'.length;
    writeFileSync(log, `${before}{"kind":"note","text":"${'-'.repeat(kibibytes * 1024 - 1500 - rest)}"}\n`);
    const { run, state, shapes } = loadCheckpoint(path);
    const tensors = new Map([...shapes].map(([name, shape]) => [name, { role: 'buffer' as const, shape }]));
    await saveCheckpoint(
      path,
      { run: { ...run, logBytes: statSync(log).size }, state: readerOf(state) },
      tensors,
    );
    const { status, lastLine, stderr } = densorWithRoom(
      kibibytes,
      folder,
      ...'train --resume run --epochs 2 --threads 2'.split(' '),
    );
    expect(status, stderr).toBe(1);
    expect(lastLine).toMatch(
      /^densor: run\/log\.jsonl: .*: free some room, then continue from the last checkpoint with: .*train --resume run --threads 2$/,
    );
    expect(existsSync(join(folder, 'run/run.lock'))).toBe(false);
    expect((await densor('train', '--resume', 'run', '--epochs', '2')).status).toBe(0);
    const kinds = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    expect(kinds.filter((kind) => kind === 'step').length).toBe(6);
  });
});

test.each([
  [
    41,
    40,
    /last, short batch .* has 1 image \(41 in batches of 40\).*another --batch.*--limit 40 to leave it/,
  ],
  [1, 40, /^(?!.*short batch).*more than one value per channel/],
  [3, 1, /^(?!.*short batch).*more than one value per channel/],
])(
  '%i images in batches of %i: the batch that is too small for batch norm is named',
  async (limit, batch, line) => {
    const args = ['--data', 'sample', '--size', '32', '--limit', `${limit}`, '--batch', `${batch}`];
    const { status, lastLine } = await densor('train', ...args, '--out', 'run');
    expect([status, lastLine]).toEqual([2, expect.stringMatching(line)]);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  },
);

describe('a run that is resumed', () => {
  const ARGS = '--data idx:data --size 32 --batch 3 --epochs 1 --threads 1 --out run'.split(' ');
  const changeOnePixel = () => {
    const images = idxImages(6);
    images[images.length - 1]! ^= 1;
    writeIdxFolder(join(folder, 'data'), { 'train-images-idx3-ubyte': images });
  };

  test('does not resume with changed data, and resumes with the old', async () => {
    writeIdxFolder(join(folder, 'data'));
    expect((await densor('train', ...ARGS)).status).toBe(0);
    const before = readFileSync(join(folder, 'run/last.safetensors'));
    changeOnePixel();
    expect(await densor('train', '--resume', 'run')).toMatchObject({
      status: 2,
      lastLine: expect.stringMatching(/^densor: idx:data: images or labels are not those of the run in run/),
    });
    expect(readFileSync(join(folder, 'run/last.safetensors')).equals(before)).toBe(true);
    writeIdxFolder(join(folder, 'data'));
    expect((await densor('train', '--resume', 'run')).status).toBe(0);
  });

  test('from before that check resumes without it', async () => {
    writeIdxFolder(join(folder, 'data'));
    await densor('train', ...ARGS);
    const path = join(folder, 'run/last.safetensors');
    const { run, state, shapes } = loadCheckpoint(path);
    const { dataSha256, ...config } = run.config;
    expect(dataSha256).toMatch(/^[0-9a-f]{64}$/);
    const tensors = new Map([...shapes].map(([name, shape]) => [name, { role: 'buffer' as const, shape }]));
    await saveCheckpoint(path, { run: { ...run, config }, state: readerOf(state) }, tensors);
    changeOnePixel();
    expect((await densor('train', '--resume', 'run')).status).toBe(0);
  });
});
