import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Dataset, TrainTest } from '../../src/data/dataset.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { densenet } from '../../src/model/densenet.ts';
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
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { checkpointStore } from '../../src/run/checkpoint-store.ts';
import { runFiles } from '../../src/run/run-folder.ts';
import { CheckpointError, requirePosition } from '../../src/train/checkpoint.ts';
import { compileRun } from '../../src/train/compile-run.ts';
import { type RunConfig, runConfigSchema, scheduleOf } from '../../src/train/config.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { accuracy } from '../../src/train/metrics.ts';
import { programsFor } from '../../src/train/programs.ts';
import { dataOf } from '../../src/train/run-data.ts';
import { learningRateAt } from '../../src/train/schedule.ts';
import { TrainingStoppedError } from '../../src/train/stopped-error.ts';
import { train } from '../../src/train/trainer.ts';
import { ENGINES, type EngineCase, REFERENCE } from '../support/engines.ts';
import { bitsOfAll } from '../support/floats.ts';
import { numbers } from '../support/module-run.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Images whose class is the position of a bright corner, which is easy to learn. */
function brightCorners(count: number, seed: number): Dataset {
  const random = numbers(seed);
  const labels = Uint8Array.from({ length: count }, () => Math.floor(random() * 4));
  const pixels = Uint8Array.from({ length: count * 256 }, (_, i) => {
    const [image, row, column] = [i >> 8, (i >> 4) & 15, i & 15];
    const bright = (row >> 3) * 2 + (column >> 3) === labels[image];
    return Math.floor(random() * 100) + (bright ? 100 : 0);
  });
  const classNames = ['a', 'b', 'c', 'd'];
  return { name: 'corners', count, height: 16, width: 16, channels: 1, pixels, labels, classNames };
}

const data: TrainTest = { train: brightCorners(52, 1), test: brightCorners(23, 2) };
const plain = runConfigSchema.parse({
  recipe: 'notes',
  model: 'small',
  data: 'corners',
  classes: 4,
  size: 18,
  batch: 8,
  epochs: 3,
  lr: 0.05,
  seed: 11,
  precision: 'f32',
});
const small = densenet({ name: 'small', blocks: [1, 1], growthRate: 5, stem: 6, classes: 4 });
const dropping = cifarDensenet({ depth: 7, growthRate: 4, channels: 1, classes: 4, dropout: 0.2 });
const STEPS = 3 * 7;

/**
 * Trains to the end, to `stopAfter` steps, or to `stopInTest` test batches of an epoch; `resume`: from the
 * folder's checkpoint.
 */
async function run(
  open: (typeof ENGINES)[number]['open'],
  name: string,
  {
    stopAfter = Number.POSITIVE_INFINITY,
    stopInTest = 0,
    stopInFinalTest = false,
    resume = false,
    threads = 2,
    config = plain,
    model = small,
    images = data,
    best = undefined as string | undefined,
    startFrom = undefined as ReadonlyMap<string, Float32Array> | undefined,
  } = {},
): Promise<TrainEvent[]> {
  const places = runFiles(join(folder, name));
  const files = { ...places, best: best ?? places.best };
  mkdirSync(join(folder, name), { recursive: true });
  const runData = dataOf(config, images);
  const compiled = compileRun(config, model, runData);
  const engine = await open(threads);
  const session = await engine.open(compiled.network);
  const controller = new AbortController();
  const events: TrainEvent[] = [];
  await train({
    config,
    model,
    data: runData,
    compiled,
    engine,
    session,
    store: checkpointStore(files),
    signal: controller.signal,
    ...(resume && { resumeFrom: loadCheckpoint(files.last) }),
    ...(startFrom && { startFrom }),
    listener: (event) => {
      events.push(event);
      if (event.kind === 'step' && event.globalStep === stopAfter) controller.abort();
      if (event.kind === 'evaluating' && event.done === stopInTest) controller.abort();
      if (event.kind === 'evaluating' && event.total === 3 && stopInFinalTest) controller.abort();
    },
  });
  await engine.close();
  return events;
}

/** What must be equal in two runs: everything except times and speeds. */
function comparable(name: string) {
  const { run: state, state: numbersOf } = loadCheckpoint(runFiles(join(folder, name)).last);
  const { trainMs: _, ...progress } = state.progress;
  return {
    ...state,
    progress,
    numbers: [...bitsOfAll(numbersOf)],
  };
}

/** The default engine, if available. */
const NATIVE = ENGINES.filter(({ name }) => name.startsWith('native')).slice(0, 1);

describe.each([REFERENCE, ENGINES[0]!, ...NATIVE])('a run on $name', ({ open }) => {
  test('that was interrupted anywhere and resumed ends with the bits of an uninterrupted run', async () => {
    await run(open, 'whole');
    const random = numbers(STEPS);
    const stops = [1, 7, 1 + Math.floor(random() * (STEPS - 1))];
    for (const stop of stops) {
      await run(open, `stopped ${stop}`, { stopAfter: stop });
      expect(loadCheckpoint(runFiles(join(folder, `stopped ${stop}`)).last).run.progress.globalStep).toBe(
        stop,
      );
      await run(open, `stopped ${stop}`, { resume: true, threads: 3 });
      expect(comparable(`stopped ${stop}`)).toEqual(comparable('whole'));
    }
    const untilTest = await run(open, 'stopped in a test', { stopInTest: 1 });
    expect(untilTest.slice(-2)).toMatchObject([{ kind: 'stopped' }, { kind: 'checkpoint', globalStep: 7 }]);
    expect(untilTest.filter(({ kind }) => kind === 'evaluating').length).toBe(1);
    await run(open, 'stopped in a test', { resume: true });
    expect(comparable('stopped in a test')).toEqual(comparable('whole'));
  });

  test('with dropout drops the same elements when resumed', async () => {
    await run(open, 'whole', { model: dropping });
    await run(open, 'stopped', { model: dropping, stopAfter: 9 });
    await run(open, 'stopped', { model: dropping, resume: true, threads: 1 });
    expect(comparable('stopped')).toEqual(comparable('whole'));
  });
});

describe.each([REFERENCE, ENGINES[0]!])('a run in micro-batches on $name', ({ open }) => {
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

describe.each<[string, Partial<RunConfig>]>([
  [
    'momentum, one-cycle and label smoothing',
    { optimizer: 'nesterov', momentum: 0.9, schedule: 'one-cycle', labelSmoothing: 0.1 },
  ],
  [
    'AdamW, cosine, clipping and averages',
    { optimizer: 'adamw', lr: 0.01, schedule: 'cosine', warmup: 1, weightDecay: 0.1, clip: 1, ema: 0.95 },
  ],
])('a run with %s', (_, settings) => {
  const config = { ...plain, ...settings };
  const { open } = ENGINES[0]!;

  test('that was interrupted and resumed ends with the bits of an uninterrupted run, and learns', async () => {
    const events = await run(open, 'whole', { config });
    const rates = events.flatMap((event) => (event.kind === 'step' ? [event.learningRate] : []));
    const schedule = scheduleOf(config, 7);
    expect(rates).toEqual(Array.from({ length: STEPS }, (_, step) => learningRateAt(schedule, step)));
    await run(open, 'stopped', { config, stopAfter: 9 });
    const events2 = await run(open, 'stopped', { config, resume: true, threads: 3 });
    expect(events2.at(-1)!.kind).toBe('end');
    expect(comparable('stopped')).toEqual(comparable('whole'));
    await run(open, 'stopped in a test', { config, stopInTest: 1 });
    await run(open, 'stopped in a test', { config, resume: true });
    expect(comparable('stopped in a test')).toEqual(comparable('whole'));
    const [first, last] = [events.find(({ kind }) => kind === 'epoch'), events.at(-1)] as {
      trainLoss: number;
    }[];
    expect(last!.trainLoss).toBeLessThan(0.8 * first!.trainLoss);
  });

  test('is evaluated with the weights that its checkpoint is used with', async () => {
    const events = await run(open, 'run', { config });
    const { testAccuracy } = events.at(-1) as { testAccuracy: number };
    const { state } = loadCheckpoint(runFiles(join(folder, 'run')).last);
    const size = [config.size, config.size] as const;
    const programs = programsFor('evaluate', { count: data.test.count, batch: config.batch });
    const engine = await open(1);
    const session = await engine.open(compile(small, size, programs).network);
    for (const [name, tensor] of state) session.write(name, tensor);
    expect(accuracy(await evaluate(session, data.test, { size, batch: config.batch }))).toBe(testAccuracy);
    await engine.close();
  });
});

describe.each([REFERENCE, ENGINES[0]!, ...NATIVE])(
  'a run whose classifier learns first, on $name',
  ({ open }) => {
    /** Two epochs of seven steps for the classifier, one for all. */
    const BOUNDARY = 14;
    const config = { ...plain, optimizer: 'adamw', lr: 0.003, headEpochs: 2, headLr: 0.02 } as const;
    const stateOf = (name: string) => loadCheckpoint(runFiles(join(folder, name)).last).state;
    const pretrained = async () => {
      await run(open, 'elsewhere', { config: { ...plain, seed: 3 }, stopAfter: 9 });
      return new Map([...stateOf('elsewhere')].map(([name, data]) => [name, Float32Array.from(data)]));
    };
    const isHead = (name: string) => name.startsWith('8.');

    test('keeps every bit of the body and its running statistics until then, and changes all after', async () => {
      const decayed = { ...config, weightDecay: 0.1 };
      const startFrom = await pretrained();
      await run(open, 'head', { config: decayed, startFrom, stopAfter: BOUNDARY });
      await run(open, 'all', { config: decayed, startFrom });
      for (const [name, before] of startFrom) {
        // A bias before a batch norm has no gradient.
        if (!name.endsWith('bias')) {
          expect(Float32Array.from(stateOf('all').get(name)!), name).not.toEqual(before);
        }
        const after = expect(Float32Array.from(stateOf('head').get(name)!), name);
        if (isHead(name)) after.not.toEqual(before);
        else after.toEqual(before);
      }
    });

    test('gives the rest a new optimizer: its first step has the size of the learning rate', async () => {
      const startFrom = await pretrained();
      const events = await run(open, 'first', { config, startFrom, stopAfter: BOUNDARY + 1 });
      await run(open, 'before', { config, startFrom, stopAfter: BOUNDARY });
      const rates = events.flatMap((event) => (event.kind === 'step' ? [event.learningRate] : []));
      expect(rates).toEqual([...Array(BOUNDARY).fill(0.02), 0.003]);
      const movesOf = (isWanted: (name: string) => boolean) =>
        [...stateOf('first')].flatMap(([name, after]) => {
          const before = stateOf('before').get(name)!;
          const isParameter = /weight|bias/.test(name);
          return isParameter && isWanted(name) ? [...after].map((x, i) => Math.abs(x - before[i]!)) : [];
        });
      // The first step of AdamW, with zero moments, is the rate times the sign of the gradient.
      for (const isWanted of [isHead, (name: string) => !isHead(name)]) {
        const moves = movesOf(isWanted).sort((a, b) => a - b);
        expect(moves.at(-1)!).toBeLessThan(1.001 * 0.003);
        expect(moves[Math.floor(moves.length / 2)]!).toBeGreaterThan(0.99 * 0.003);
      }
    });

    test('that was interrupted in either stage, or between them, ends with the bits of an uninterrupted run', async () => {
      const all = { ...config, schedule: 'one-cycle', ema: 0.9, microBatch: 3, weightDecay: 0.1 } as const;
      await run(open, 'whole', { config: all });
      for (const stop of [5, BOUNDARY, BOUNDARY + 1, BOUNDARY + 4]) {
        const name = `stopped ${stop}`;
        await run(open, name, { config: all, stopAfter: stop });
        await run(open, name, { config: all, resume: true, threads: 1 });
        expect([stop, comparable(name)]).toEqual([stop, comparable('whole')]);
      }
    });
  },
);

describe('a run with validation images', () => {
  const { open } = ENGINES[0]!;
  const config = { ...plain, epochs: 6, validate: 0.25 };
  const name = 'run';
  const files = () => runFiles(join(folder, name));

  test('chooses its best epoch by those, and uses the test images only at the end', async () => {
    const events = await run(open, name, { config });
    const epochs = events.filter((event) => event.kind === 'epoch');
    expect(epochs.length).toBe(6);
    expect(epochs.every(({ testAccuracy }) => testAccuracy === undefined)).toBe(true);
    const start = events.find((event) => event.kind === 'start')!;
    const { validationImages, trainImages } = start;
    expect(validationImages).toBeGreaterThan(10);
    expect(trainImages + validationImages).toBe(52);

    const accuracies = epochs.map(({ validationAccuracy }) => validationAccuracy!);
    const best = accuracies.indexOf(Math.max(...accuracies));
    const { run: state } = loadCheckpoint(files().last);
    expect(state.best).toMatchObject({ epoch: best, validationAccuracy: accuracies[best] });
    expect(loadCheckpoint(files().best).run.progress.epoch).toBe(best + 1);
    expect(events.at(-1)).toMatchObject({
      kind: 'end',
      testAccuracy: state.last!.testAccuracy,
      bestTestAccuracy: state.best!.testAccuracy,
    });
    const tested = events.filter((event) => event.kind === 'evaluating' && event.total === 3);
    expect(tested.length).toBe(best === 5 ? 3 : 6);
    expect(events.indexOf(tested[0]!)).toBeGreaterThan(events.lastIndexOf(epochs.at(-1)!));
  });

  test('ends with the same bits when it is interrupted in the final test and resumed', async () => {
    await run(open, 'whole', { config });
    const folderOf = { config: { ...config }, stopInFinalTest: true };
    const stopped = await run(open, name, folderOf);
    expect(stopped.at(-2)).toMatchObject({ kind: 'stopped', reason: 'interrupted' });
    const resumed = await run(open, name, { config, resume: true });
    expect(resumed.at(-1)!.kind).toBe('end');
    expect(comparable(name)).toEqual(comparable('whole'));
  });

  test('ends when patience is exhausted, also if resumed', async () => {
    const impatient = { ...config, epochs: 40, lr: 1e-9, patience: 2 };
    const events = await run(open, name, { config: impatient });
    expect(events).toContainEqual(expect.objectContaining({ kind: 'stopped', reason: 'patience' }));
    const { best, progress, last } = loadCheckpoint(files().last).run;
    expect(progress.epoch).toBe(best!.epoch + 3);
    expect(progress.epoch).toBeLessThan(40);
    expect(last!.testAccuracy).toBeGreaterThanOrEqual(0);
    const again = await run(open, name, { config: impatient, resume: true });
    expect(again.filter(({ kind }) => kind === 'step' || kind === 'evaluating')).toEqual([]);
    expect(again.at(-1)!.kind).toBe('end');
  });
});

describe('a run', () => {
  const { open } = ENGINES[0]!;

  test('does not resume with data of another size', async () => {
    await run(open, 'run', { stopAfter: 9 });
    const { last } = runFiles(join(folder, 'run'));
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
    expect(loadCheckpoint(runFiles(join(folder, 'run')).last).run.isa).toBe(engine.isa);
    await engine.close();
  });

  test('that cannot write its best checkpoint does not count the epoch as finished', async () => {
    const best = join(folder, 'is a folder');
    mkdirSync(best);
    await expect(run(open, 'run', { best })).rejects.toThrow(/is a folder/);
    const { last } = runFiles(join(folder, 'run'));
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
    const best = loadCheckpoint(runFiles(join(folder, 'best')).best).run;
    expect(best.best!.testAccuracy).toBe(Math.max(...accuracies));
    expect(best.progress.epoch).toBe(accuracies.indexOf(Math.max(...accuracies)) + 1);
  });

  test('shuffles each epoch differently, depending only on the seed', async () => {
    await run(open, 'a');
    await run(open, 'b');
    expect(comparable('a')).toEqual(comparable('b'));
    // The weights do not change, so the loss of a step identifies its images.
    const startFrom = loadCheckpoint(runFiles(join(folder, 'a')).last).state as ReadonlyMap<
      string,
      Float32Array
    >;
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
