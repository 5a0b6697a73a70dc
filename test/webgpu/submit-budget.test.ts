import { describe, expect, test } from 'vitest';
import { LONGEST_SUBMIT_MS, SubmitBudget } from '../../src/engine/webgpu/submit-budget.ts';

/** Submits a program of so many equal dispatches to a device whose time for one is known. */
function submit(
  budget: SubmitBudget,
  clock: { ms: number },
  count: number,
  msEach: number,
): readonly number[] {
  const durations: number[] = [];
  let at = 0;
  for (const { first, last, seconds, isMeasured } of budget.parts(new Array<number>(count).fill(1e-3))) {
    expect(first).toBe(at);
    at = last;
    const start = budget.now();
    clock.ms += (last - first) * msEach;
    durations.push(clock.ms - start);
    if (isMeasured) budget.measured(seconds, clock.ms - start);
  }
  expect(at).toBe(count);
  return durations;
}

describe('a program is submitted in parts', () => {
  test.each([0.01, 1, 40, 150])('of at most about 200 ms, where a dispatch takes %s ms', (msEach) => {
    const clock = { ms: 0 };
    const budget = new SubmitBudget(() => clock.ms);
    for (let step = 0; step < 4; step++) {
      for (const duration of submit(budget, clock, 130, msEach))
        expect(duration).toBeLessThanOrEqual(LONGEST_SUBMIT_MS);
    }
    const parts = submit(budget, clock, 130, msEach).length;
    // No more parts than that needs: those of a fast device are one.
    expect(parts).toBeLessThanOrEqual(Math.ceil(130 / Math.floor(LONGEST_SUBMIT_MS / msEach)) + 1);
  });

  test('of one dispatch, where that takes longer', () => {
    const clock = { ms: 0 };
    const budget = new SubmitBudget(() => clock.ms);
    submit(budget, clock, 10, 500);
    expect(submit(budget, clock, 10, 500)).toEqual(new Array(10).fill(500));
  });
});
