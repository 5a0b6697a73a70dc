import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkpointStore } from '../../src/run/checkpoint-store.ts';
import { FORMAT, NUMERICS } from '../../src/train/checkpoint.ts';
import { runConfigSchema } from '../../src/train/config.ts';
import { NOTHING } from '../../src/train/metrics.ts';

test('a checkpoint is written only after the lock was verified and the log is durable', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  const files = { last: join(folder, 'last.safetensors'), best: join(folder, 'best.safetensors') };
  const calls: string[] = [];
  const note = (call: string) => calls.push(existsSync(files.last) ? `${call}, written` : call);
  const store = checkpointStore(files, {
    verify: () => note('verify'),
    syncLog: () => {
      note('log');
      return 123;
    },
  });
  const config = { recipe: 'notes', model: 'notes', data: 'sample', classes: 10, size: 96, batch: 256 };
  const run = {
    format: FORMAT,
    numerics: NUMERICS,
    config: runConfigSchema.parse({ ...config, epochs: 1, lr: 0.1, seed: 0, precision: 'f32' }),
    engine: 'reference',
    isa: 'float64',
    progress: { epoch: 0, step: 0, globalStep: 0, sums: NOTHING, trainedExamples: 0, trainMs: 0 },
    history: [],
  };
  const read = async () => {
    note('read');
    return Float32Array.of(1, 2);
  };
  const shapes = new Map([['a', { role: 'parameter', shape: [2] }]] as const);
  await store.save('last', { run, state: { read } }, shapes);
  note('done');
  expect(calls).toEqual(['verify', 'log', 'read', 'read', 'done, written']);
  const loaded = await store.load('last');
  expect([loaded.run.logBytes, loaded.state.get('a')]).toEqual([123, Float32Array.of(1, 2)]);
  await expect(store.load('best')).rejects.toThrow(/does not exist/);
  rmSync(folder, { recursive: true, force: true });
});
