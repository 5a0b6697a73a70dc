import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { saveCheckpoint } from '../../src/run/checkpoint-file.ts';
import { openRun } from '../../src/run/open-run.ts';
import { runFiles } from '../../src/run/run-folder.ts';
import { FORMAT, NUMERICS, readerOf } from '../../src/train/checkpoint.ts';
import { runConfigSchema } from '../../src/train/config.ts';
import { NOTHING } from '../../src/train/metrics.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A run of this network whose checkpoint contains only a convolution. */
async function runOf(model: string): Promise<string> {
  const config = { recipe: 'notes', model, classes: 10, size: 32, batch: 8, epochs: 1, lr: 0.1, seed: 0 };
  const run = {
    ...{ format: FORMAT, numerics: NUMERICS, engine: 'none', isa: 'none', history: [] },
    config: runConfigSchema.parse({ ...config, precision: 'f32' }),
    progress: { epoch: 0, step: 0, globalStep: 0, sums: NOTHING, trainedExamples: 0, trainMs: 0 },
  };
  const name = 'features.conv0.weight';
  const state = readerOf(new Map([[name, new Float32Array(9)]]));
  const shapes = new Map([[name, { shape: [1, 1, 3, 3], role: 'parameter' as const }]]);
  await saveCheckpoint(runFiles(folder).last, { run, state }, shapes as never);
  return folder;
}

test('a checkpoint that declares a far larger network is refused before planning it', async () => {
  const run = await runOf('densenet-4999-9999');
  expect(() => openRun(run, 'last')).toThrow(/tensor features\.conv0\.weight is 1×1×3×3, the model expects/);
});

test('an invalid model is reported in printable text', async () => {
  const run = await runOf('\x1b[2Jx');
  expect(() => openRun(run, 'last')).toThrow(/is of model "\\u001b\[2Jx", which does not exist here/);
});
