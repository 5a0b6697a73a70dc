import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { densorIn, SHORT, SMALL } from '../support/cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);

describe('--micro-batch', () => {
  test('of train is explained, stored in the run, and reduces memory', async () => {
    const larger = ['--size', '48']; // So that feature maps, not packed weights, determine the plan.
    const { status, stderr } = await densor(
      'train',
      ...SHORT,
      ...larger,
      '--micro-batch',
      '16',
      '--out',
      'run',
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /\nmicro-batches of 13 or 14 images: batch norm statistics per micro-batch, gradients accumulated over 40 images\n/,
    );
    const log = (run: string) =>
      readFileSync(join(folder, run, 'log.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const [start, ...events] = log('run');
    expect(start.config.microBatch).toBe(16);
    expect(events.filter(({ kind }) => kind === 'step').map(({ batchSize }) => batchSize)).toEqual([
      40, 40, 20,
    ]);
    expect(await densor('train', '--resume', 'run', '--micro-batch', '10')).toMatchObject({
      status: 2,
      lastLine: expect.stringContaining('--micro-batch 10 contradicts the run in run, which has 16'),
    });
    expect((await densor('train', '--resume', 'run', '--micro-batch', '16')).status).toBe(0);

    const whole = await densor('train', ...SHORT, ...larger, '--micro-batch', '40', '--out', 'whole');
    expect(whole.stderr).not.toContain('micro-batches');
    expect(start.plannedPeakBytes).toBeLessThan(0.8 * log('whole')[0].plannedPeakBytes);

    const { testAccuracy } = JSON.parse((await densor('evaluate', 'run', '--json')).stdout);
    expect(testAccuracy).toBe(events.find(({ kind }) => kind === 'epoch').testAccuracy);
  });

  test('applies to bench, summary and lr-find', async () => {
    const parts = ['--micro-batch', '8'];
    const planned = async (...args: readonly string[]): Promise<number> => {
      const { stdout, stderr } = await densor(
        ...args,
        '--size',
        '32',
        '--batch',
        '32',
        '--threads',
        '2',
        '--json',
      );
      expect(stdout, stderr).not.toBe('');
      return JSON.parse(stdout).plannedPeakBytes;
    };
    const bench = await planned('bench', '--steps', '1', ...parts);
    expect(bench).toBeLessThan(0.8 * (await planned('bench', '--steps', '1')));
    expect(await planned('summary', 'notes', ...parts)).toBe(bench);
    const found = await densor(
      'lr-find',
      ...'--data sample --size 32 --batch 32 --steps 3 --json'.split(' '),
      ...parts,
    );
    expect(JSON.parse(found.stdout).points.length, found.stderr).toBe(3);
  });
});

describe('bad micro-batches give one line, status 2, and no files:', () => {
  test.each([
    [['train', '--micro-batch', '0'], /expected a whole number from 1/],
    [['train', '--micro-batch', '2.5'], /expected a whole number from 1/],
    [['train', '--batch', '40', '--micro-batch', '41'], /--micro-batch 41 is more than the batch of 40/],
    [['bench', '--batch', '8', '--micro-batch', '9'], /--micro-batch 9 is more than the batch of 8/],
    [['summary', 'notes', '--micro-batch', '2'], /--micro-batch 2 is more than the batch of 1/],
    [['lr-find', '--batch', '8', '--micro-batch', '9'], /--micro-batch 9 is more than the batch of 8/],
    [
      ['train', ...SMALL, '--micro-batch', '1'],
      /a part of a batch has one image: use a larger --micro-batch \(now 1, of batches of 40, the last of 20\)/,
    ],
    [
      ['train', ...SMALL, '--batch', '33', '--micro-batch', '11'],
      /the last, short batch of an epoch has 1 image \(100 in batches of 33\)/,
    ],
    [['train', ...SMALL, '--size', '16', '--micro-batch', '1'], /does not fit into a 1×1 feature map/],
    [['bench', '--size', '32', '--batch', '4', '--micro-batch', '1'], /more than one value per channel/],
  ])('densor %j', async (args, message) => {
    const { status, stdout, stderr } = await densor(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });
});
