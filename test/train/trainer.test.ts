import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  conv2d,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  relu,
  sequential,
} from '../../src/model/module.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { CheckpointError, requirePosition } from '../../src/train/checkpoint.ts';
import { TrainingStoppedError } from '../../src/train/stopped-error.ts';
import { ENGINES, type EngineCase } from '../support/engines.ts';
import { data, plain, STEPS, trainingRuns } from '../support/training-run.ts';

const { checkpointOf, comparable, filesOf, run } = trainingRuns();

describe('a run', () => {
  const { open } = ENGINES[0]!;

  test('does not resume with data of another size', async () => {
    await run(open, 'run', { stopAfter: 9 });
    const { last } = filesOf('run');
    const { run: state } = loadCheckpoint(last);
    expect(() => requirePosition(last, state, 7)).not.toThrow();
    for (const steps of [6, 8, 1]) expect(() => requirePosition(last, state, steps)).toThrow(CheckpointError);
  });

  test("counts as d2l's train_ch6 does, keeps the short batch, and learns", async () => {
    const events = await run(open, 'run');
    const steps = events.filter((event) => event.kind === 'step');
    expect(steps.length).toBe(STEPS);
    expect(steps.slice(0, 7).map(({ batchSize }) => batchSize)).toEqual([8, 8, 8, 8, 8, 8, 4]);
    const first = steps.slice(0, 7);
    const mean = first.reduce((sum, { loss, batchSize }) => sum + loss * batchSize, 0) / 52;
    expect(first.at(-1)!.trainLoss).toBeCloseTo(mean, 12);
    const points = events.flatMap((event) => (event.kind === 'point' ? [event.point.epoch] : []));
    expect(points.slice(0, 8).map((epoch) => Math.round(epoch * 7))).toEqual([1, 2, 3, 4, 5, 6, 7, 7]);
    const ends = events.filter((event) => event.kind === 'epoch');
    expect(ends.at(-1)!.trainLoss).toBeLessThan(0.7 * ends[0]!.trainLoss);
    expect(events.at(-1)!.kind).toBe('end');
  });

  test('reports a changed number of epochs', async () => {
    const etas = (await run(open, 'eta')).flatMap((event) => (event.kind === 'step' ? [event.etaMs] : []));
    expect(etas[0]).toBeGreaterThan(0);
    expect(etas.at(-1)).toBeLessThan(etas[0]!);
  });

  test('reports a changed instruction set', async () => {
    const [first, second] = ENGINES as [EngineCase, EngineCase];
    await run(first.open, 'run', { stopAfter: 9 });
    await run(second.open, 'run', { resume: true });
    const engine = await second.open();
    expect(checkpointOf('run').run.isa).toBe(engine.isa);
    await engine.close();
  });

  test('that cannot write its best checkpoint does not count the epoch as finished', async () => {
    const best = dirname(filesOf('is a folder').last);
    mkdirSync(best);
    await expect(run(open, 'run', { best })).rejects.toThrow(/is a folder/);
    const { last } = filesOf('run');
    expect(loadCheckpoint(last).run.progress.globalStep).toBe(0);
    await run(open, 'run', { resume: true });
    await run(open, 'whole');
    expect(comparable('run')).toEqual(comparable('whole'));
  });

  test('whose evaluation is not finite has diverged, and names the last good checkpoint', async () => {
    const root = sequential([
      conv2d(4, 3, { bias: false }),
      relu(),
      conv2d(4, 3, { bias: false }),
      globalAvgPool(),
      flatten(),
      linear(4),
    ]);
    const model: Model = { name: 'two convolutions', channels: 1, classes: 4, root };
    // Weights whose sum overflows float32, which has no effect on black images.
    const huge = (count: number) => new Float32Array(count).fill(1e30);
    const startFrom = new Map([
      ['0.weight', huge(36)],
      ['2.weight', huge(144)],
    ]);
    const black = { ...data.train, pixels: new Uint8Array(data.train.count * 256) };
    const images = { ...data, train: black };
    const diverged = run(open, 'run', { model, images, startFrom });
    await expect(diverged).rejects.toThrow(TrainingStoppedError);
    await expect(diverged).rejects.toThrow(
      /^evaluation of epoch 1: .*last\.safetensors is the last good checkpoint/,
    );
  });

  test('keeps the best checkpoint and the last', async () => {
    const events = await run(open, 'best');
    const accuracies = events.flatMap((event) => (event.kind === 'epoch' ? [event.testAccuracy!] : []));
    const best = checkpointOf('best', 'best').run;
    expect(best.best!.testAccuracy).toBe(Math.max(...accuracies));
    expect(best.progress.epoch).toBe(accuracies.indexOf(Math.max(...accuracies)) + 1);
  });

  test('shuffles each epoch differently, depending only on the seed', async () => {
    await run(open, 'a');
    await run(open, 'b');
    expect(comparable('a')).toEqual(comparable('b'));
    // The weights do not change, so the loss of a step identifies its images.
    const startFrom = checkpointOf('a').state as ReadonlyMap<string, Float32Array>;
    const losses = async (name: string, seed: number) => {
      const events = await run(open, name, { config: { ...plain, seed, lr: 1e-30, epochs: 2 }, startFrom });
      return events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []));
    };
    const [all, others] = [await losses('still', 11), await losses('other seed', 12)];
    const [first, second] = [all.slice(0, 7), all.slice(7)];
    expect(second).toHaveLength(7);
    expect(first.filter((loss, i) => loss === second[i])).toEqual([]);
    expect(all.filter((loss, i) => loss === others[i])).toEqual([]);
  });
});
