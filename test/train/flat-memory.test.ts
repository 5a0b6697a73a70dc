import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TrainEvent } from '../../src/train/events.ts';
import { densorProcess } from '../support/cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const MIB = 2 ** 20;
const [BATCH, SIZE] = [128, 96];

// `npm run bench:flat` is a longer and more precise version with a thousand steps.
test('a training run does not keep a batch per step', () => {
  // A small network, because the loader does not depend on it.
  const run = ['--model', 'densenet-bc-10-4', '--recipe', 'notes', '--data', 'sample', '--epochs', '5'];
  const { status, stderr } = densorProcess(
    folder,
    'train',
    ...run,
    '--batch',
    `${BATCH}`,
    '--size',
    `${SIZE}`,
    '--out',
    'run',
  );
  expect(status, stderr).toBe(0);
  const lines = readFileSync(join(folder, 'run/log.jsonl'), 'utf8').trim().split('\n');
  const events = lines.map((line) => JSON.parse(line) as TrainEvent);
  const rss = events.flatMap((event) => (event.kind === 'step' ? [event.rssBytes!] : []));
  // Medians, because Node's heap grows in the first steps, and varies by some MiB afterwards (17 were observed).
  const [early, late] = [rss.slice(6, 14), rss.slice(-8)].map(median) as [number, number];
  const steps = rss.length - 14;
  expect(steps).toBeGreaterThan(20);
  const ofOneBatchPerStep = steps * BATCH * SIZE ** 2; // A loader's batches are bytes.
  const what = `${(early / MIB).toFixed()} MiB early, ${(late / MIB).toFixed()} MiB late`;
  expect(late - early, what).toBeLessThan(0.9 * ofOneBatchPerStep);
});

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}
