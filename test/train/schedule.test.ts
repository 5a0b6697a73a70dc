import { describe, expect, test } from 'vitest';
import { learningRateAt, SCHEDULES, type Schedule, type ScheduleKind } from '../../src/train/schedule.ts';
import { golden, tensorOf } from '../support/golden.ts';

const rates = (schedule: Schedule) =>
  Array.from({ length: schedule.steps }, (_, step) => learningRateAt(schedule, step));

const file = golden('optimizers');

/** A maximum rate of 0.4 over 40 steps. */
test.each<[string, ScheduleKind, number]>([
  ['constant', 'constant', 0],
  ['constant_warm', 'constant', 5],
  ['step', 'step', 0],
  ['step_warm', 'step', 4],
  ['cosine', 'cosine', 0],
  ['cosine_warm', 'cosine', 6],
  ['one-cycle', 'one-cycle', 0],
])("%s has PyTorch's learning rates", (name, kind, warmupSteps) => {
  const want = tensorOf(file, `schedule.${name}`);
  expect(want.length).toBe(40);
  rates({ kind, peak: 0.4, steps: 40, warmupSteps }).forEach((rate, step) => {
    expect(Math.abs(rate / want[step]! - 1), `step ${step}`).toBeLessThan(1e-9);
  });
});

describe.each(SCHEDULES)('%s', (kind) => {
  test.each([1, 2, 3, 4, 100])('of %i steps is above 0 and never above its peak', (steps) => {
    for (const warmupSteps of [0, 1, steps]) {
      for (const rate of rates({ kind, peak: 0.3, steps, warmupSteps })) {
        expect(rate).toBeGreaterThan(0);
        expect(rate).toBeLessThanOrEqual(0.3);
      }
    }
  });

  test('warms up linearly', () => {
    const cold = rates({ kind, peak: 1, steps: 50, warmupSteps: 0 });
    rates({ kind, peak: 1, steps: 50, warmupSteps: 10 }).forEach((rate, step) => {
      expect(rate).toBeCloseTo(cold[step]! * Math.min(1, (step + 1) / 10), 12);
    });
  });
});

test('cosine and one-cycle end near zero, one-cycle rises first', () => {
  const run = (kind: ScheduleKind) => rates({ kind, peak: 1, steps: 200, warmupSteps: 0 });
  const [cosine, oneCycle] = [run('cosine'), run('one-cycle')];
  expect(cosine[0]).toBe(1);
  expect(cosine.at(-1)).toBeLessThan(1e-3);
  expect(oneCycle.indexOf(Math.max(...oneCycle))).toBe(59);
  expect(oneCycle[0]).toBeCloseTo(1 / 25, 12);
  expect(oneCycle.at(-1)).toBeCloseTo(1 / 25 / 1e4, 12);
});
