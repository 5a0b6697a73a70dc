import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { type RunConfig, scheduleOf } from '../../src/train/config.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import { accuracy } from '../../src/train/metrics.ts';
import { programsFor } from '../../src/train/programs.ts';
import { learningRateAt } from '../../src/train/schedule.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';
import { data, dropping, NATIVE, plain, STEPS, small, trainingRuns } from '../support/training-run.ts';

const { checkpointOf, comparable, run } = trainingRuns();

describe.each([REFERENCE, ENGINES[0]!, ...NATIVE])('a run on $name', ({ open }) => {
  test('that was interrupted anywhere and resumed ends with the bits of an uninterrupted run', async () => {
    await run(open, 'whole');
    const random = numbers(STEPS);
    const stops = [1, 7, 1 + Math.floor(random() * (STEPS - 1))];
    for (const stop of stops) {
      await run(open, `stopped ${stop}`, { stopAfter: stop });
      expect(checkpointOf(`stopped ${stop}`).run.progress.globalStep).toBe(stop);
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
    const { state } = checkpointOf('run');
    const size = [config.size, config.size] as const;
    const programs = programsFor('evaluate', { count: data.test.count, batch: config.batch });
    const engine = await open(1);
    const session = await engine.open(compile(small, size, programs).network);
    for (const [name, tensor] of state) session.write(name, tensor);
    expect(accuracy(await evaluate(session, data.test, { size, batch: config.batch }))).toBe(testAccuracy);
    await engine.close();
  });
});
