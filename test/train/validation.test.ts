import { describe, expect, test } from 'vitest';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { ENGINES } from '../support/engines.ts';
import { plain, trainingRuns } from '../support/training-run.ts';

const { comparable, filesOf, run } = trainingRuns();

describe('a run with validation images', () => {
  const { open } = ENGINES[0]!;
  const config = { ...plain, epochs: 6, validate: 0.25 };
  const name = 'run';
  const files = () => filesOf(name);

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
