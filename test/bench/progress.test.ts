import { afterEach, expect, test, vi } from 'vitest';
import { Progress } from '../../bench/common/progress.ts';
import { orderOf } from '../../bench/common/turns.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test('progress says how many are done and how long the others take', () => {
  vi.useFakeTimers();
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const progress = new Progress('round', 4);
  vi.advanceTimersByTime(20_000);
  progress.advance();
  progress.advance('notes', 3);
  vi.advanceTimersByTime(20_000);
  progress.advance();
  expect(written.mock.calls.map(([text]) => text)).toEqual([
    'round 1 of 4, 1:00 left\n',
    'round 3 of 4: notes, 7 s left\n',
    'round 4 of 4\n',
  ]);
});

test('in every round another contender begins', () => {
  const rounds = [0, 1, 2, 3].map((round) => orderOf(round, ['a', 'b', 'c']).join(''));
  expect(rounds).toEqual(['abc', 'bca', 'cab', 'abc']);
});
