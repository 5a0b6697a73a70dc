import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { showTesting, showTraining } from '../../src/cli/progress.ts';
import type { TrainEvent } from '../../src/train/events.ts';

let lines: string[];
let now: number;
const isTTY = process.stderr.isTTY;
beforeEach(() => {
  [lines, now] = [[], 0];
  process.stderr.isTTY = false;
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.stderr.isTTY = isTTY;
});

const START = {
  kind: 'start',
  config: {
    recipe: 'notes',
    optimizer: 'sgd',
    lr: 0.1,
    schedule: 'constant',
    precision: 'f32',
    batch: 4,
    balance: 'none',
  },
  model: 'notes',
  parameters: 1,
  trainImages: 12,
  epochs: 10,
  plannedPeakBytes: 1,
  resumedAtStep: 0,
} as TrainEvent;

function step(done: number): TrainEvent {
  const numbers = {
    loss: 1,
    learningRate: 0.1,
    trainLoss: 1,
    trainAccuracy: 0.5,
    examplesPerSecond: 9,
    etaMs: 60_000,
    rssBytes: 1,
  };
  return {
    kind: 'step',
    epoch: 0,
    step: done,
    stepsPerEpoch: 3,
    globalStep: done,
    batchSize: 4,
    stepMs: 1,
    ...numbers,
  };
}

test('plain lines have the epoch and the number of epochs, also during long evaluations', () => {
  const show = showTraining();
  show(START);
  expect(lines.splice(0)).toEqual([expect.stringMatching(/planned\nrecipe notes: sgd, lr 0\.1\n$/)]);
  for (const done of [1, 2, 3]) show(step(done));
  for (const done of [1, 2, 3, 4]) {
    now += 6_000;
    show({ kind: 'evaluating', epoch: 0, done, total: 4 });
  }
  expect(lines).toEqual([
    expect.stringMatching(/^epoch 1\/10 step 1\/3 {2}loss 1\.000 {2}train acc 0\.500 {2}lr 0\.1 {2}/),
    expect.stringMatching(/^epoch 1\/10 step 3\/3/),
    'epoch 1/10 testing, batch 2/4\n',
    'epoch 1/10 testing, batch 4/4\n',
  ]);
});

test('an evaluation shows its progress at intervals', () => {
  const show = showTesting();
  for (let done = 1; done <= 5; done++) {
    now += 4_000;
    show(done, 5);
  }
  expect(lines).toEqual(['testing, batch 3/5\n']);
});
