import { expect, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { compileRun } from '../../src/train/compile-run.ts';
import { runConfigSchema } from '../../src/train/config.ts';
import { findLearningRate, type RangePoint, steepest } from '../../src/train/lr-find.ts';

const points = (loss: (decade: number) => number): RangePoint[] =>
  Array.from({ length: 61 }, (_, i) => {
    const decade = -5 + i / 10;
    return { learningRate: 10 ** decade, loss: loss(decade), smoothedLoss: loss(decade) };
  });

test('the steepest decrease is found, before the minimum of the loss and not after it', () => {
  // A smooth decrease around 10⁻², then divergence, and a steeper decrease after it.
  const loss = (decade: number) =>
    decade > 0.5 ? 9 - 8 * decade : 2 - Math.tanh(2 * (decade + 2)) + (decade > 0 ? 5 : 0);
  const losses = points((decade) => Math.max(loss(decade), decade > 0.5 ? 1.5 : 0));
  expect(Math.log10(steepest(losses)!)).toBeCloseTo(-2, 6);
});

test('a loss that never falls suggests nothing', () => {
  expect(steepest(points((decade) => 3 + decade))).toBeUndefined();
  expect(steepest(points(() => 3))).toBeUndefined();
  expect(steepest([])).toBeUndefined();
});

test('each step of the test drops something else, as in training', async () => {
  const model = cifarDensenet({ depth: 7, growthRate: 4, channels: 1, classes: 2, dropout: 0.5 });
  const train: Dataset = {
    ...{ name: 'noise', count: 4, height: 12, width: 12, channels: 1 },
    pixels: Uint8Array.from({ length: 4 * 144 }, (_, i) => (i * 89) % 256),
    labels: Uint8Array.of(0, 1, 0, 1),
    classNames: ['a', 'b'],
  };
  const config = runConfigSchema.parse({
    ...{ recipe: 'notes', model: model.name, data: 'noise', classes: 2, size: 12, batch: 4, epochs: 1 },
    ...{ lr: 0.1, seed: 1, precision: 'f32' },
  });
  const compiled = compileRun(config, model, { train, test: train });
  const session = await createReferenceEngine().open(compiled.network);
  // Tiny rates, and all images in each batch, so that only dropout differs between steps.
  const { points: found } = await findLearningRate({
    ...{ config, compiled, session, train, from: 1e-30, to: 1e-29, steps: 4 },
  });
  expect(new Set(found.map(({ loss }) => loss.toFixed(9))).size).toBe(4);
});
