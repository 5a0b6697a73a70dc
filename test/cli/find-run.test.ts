import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn, SHORT } from '../support/cli.ts';

let folder: string;
const densor = (...args: readonly string[]) => densorIn(folder, ...args);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  await densor('train', ...SHORT, '--out', 'runs/photos');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a checkpoint can be given for its run', () => {
  test('for evaluation, with the report in the same folder', async () => {
    const { status, stdout } = await densor('evaluate', 'runs/photos/best.safetensors', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout).files).toContain('runs/photos/classes.csv');
    copyFileSync(join(folder, 'runs/photos/last.safetensors'), join(folder, 'mine.safetensors'));
    const { status: ofCopy } = await densor('evaluate', 'mine.safetensors', '--out', 'report', '--json');
    expect(ofCopy).toBe(0);
  });

  test('for export, and is not overwritten', async () => {
    const { stdout } = await densor('export', 'runs/photos/best.safetensors', '--onnx', 'best.onnx');
    expect(stdout).toMatch(/best checkpoint\)$/m);
    const { status, stderr } = await densor(
      'export',
      'mine.safetensors',
      '--safetensors',
      'mine.safetensors',
    );
    expect([status, stderr]).toEqual([2, expect.stringMatching(/mine.safetensors belongs to the run/)]);
  });

  test('for resuming', async () => {
    const { status, stderr } = await densor('train', '--resume', 'runs/photos/last.safetensors');
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/checkpoints, log and curves are in runs\/photos$/m),
    ]);
  });
});

test.each([
  [
    ['evaluate', 'runs/photo'],
    'runs/photo does not exist: expected the folder of a run (did you mean runs/photos?)',
  ],
  [
    ['evaluate', 'runs'],
    'runs/last.safetensors does not exist: expected the folder of a run (did you mean runs/photos?)',
  ],
  [
    ['train', '--from', 'runs'],
    'runs/last.safetensors does not exist: expected the folder of a run (did you mean runs/photos?)',
  ],
  [
    ['train', '--resume', 'runs/fotos'],
    'runs/fotos does not exist: expected the folder of a run for --resume (did you mean runs/photos?)',
  ],
  [
    ['train', '--resume', 'runs/photos/best.safetensors'],
    'runs/photos/best.safetensors is a file: expected the folder of a run for --resume: runs resume from their last checkpoint: use --resume runs/photos',
  ],
  [
    ['evaluate', 'runs/photos/last.safetensors', '--checkpoint', 'best'],
    '--checkpoint best contradicts runs/photos/last.safetensors: give the folder of the run, or omit --checkpoint',
  ],
])('%j says what is meant', async (args, message) => {
  const { status, stdout, lastLine } = await densor(...args);
  expect([status, stdout, lastLine]).toEqual([2, '', `densor: ${message}`]);
});

test('a folder is not a checkpoint, and the error names a file in it that may be one', () => {
  expect(() => loadCheckpoint(folder)).toThrow(
    `expected a checkpoint in it, such as ${join(folder, 'last.safetensors')}`,
  );
});
