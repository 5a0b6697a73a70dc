import { describe, expect, test } from 'vitest';
import {
  conv2d,
  denseBlock,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  maxPool,
  relu,
  sequential,
} from '../../src/model/module.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { ENGINES } from '../support/engines.ts';
import { dropping, plain, STEPS, trainingRuns } from '../support/training-run.ts';

const { comparable, run } = trainingRuns();

describe('a run in micro-batches', () => {
  const { open } = ENGINES[0]!;
  /** Batches of 8 (three parts), and a last one of 4 (two parts). */
  const config = { ...plain, microBatch: 3, optimizer: 'adamw', lr: 0.01, clip: 1, ema: 0.9 } as const;

  test('that was interrupted and resumed ends with the bits of an uninterrupted run, and learns', async () => {
    const events = await run(open, 'whole', { config, model: dropping });
    await run(open, 'stopped', { config, model: dropping, stopAfter: 9 });
    await run(open, 'stopped', { config, model: dropping, resume: true, threads: 1 });
    expect(comparable('stopped')).toEqual(comparable('whole'));
    const epochs = events.filter((event) => event.kind === 'epoch');
    expect(epochs.at(-1)!.trainLoss).toBeLessThan(0.9 * epochs[0]!.trainLoss);
  });

  test('learns from the images of each batch what a run of whole batches learns', async () => {
    const root = sequential([
      conv2d(6, 3),
      relu(),
      maxPool(2),
      denseBlock([conv2d(5, 3, { padding: 1 })]),
      relu(),
    ]);
    const withoutNorm: Model = {
      ...{ name: 'no batch norm', channels: 1, classes: 4 },
      root: sequential([root, globalAvgPool(), flatten(), linear(4)]),
    };
    const parts = await run(open, 'parts', { config: { ...plain, microBatch: 3 }, model: withoutNorm });
    const whole = await run(open, 'whole', { model: withoutNorm });
    const losses = (events: readonly TrainEvent[]) =>
      events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []));
    expect(losses(parts)).toHaveLength(STEPS);
    losses(parts).forEach((loss, i) => {
      expect(Math.abs(loss / losses(whole)[i]! - 1), `step ${i}`).toBeLessThan(1e-5);
    });
  });

  test('counts and reports steps of whole batches', async () => {
    const events = await run(open, 'run', { config });
    const steps = events.filter((event) => event.kind === 'step');
    expect(steps.slice(0, 7).map(({ batchSize }) => batchSize)).toEqual([8, 8, 8, 8, 8, 8, 4]);
    const mean = steps.slice(0, 7).reduce((sum, { loss, batchSize }) => sum + loss * batchSize, 0) / 52;
    expect(steps[6]!.trainLoss).toBeCloseTo(mean, 12);
    const start = events.find((event) => event.kind === 'start')!;
    const wholeStart = (await run(open, 'whole', { stopAfter: 1 })).find((event) => event.kind === 'start')!;
    expect(start.stepsPerEpoch).toBe(wholeStart.stepsPerEpoch);
    expect(start.plannedPeakBytes).toBeLessThan(wholeStart.plannedPeakBytes);
    expect(events.filter(({ kind }) => kind === 'evaluating').length).toBe(3 * Math.ceil(23 / 3));
  });
});
