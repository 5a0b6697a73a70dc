import { expect, test } from 'vitest';
import { byteBudget } from '../../src/data/byte-budget.ts';

test('jobs start in order, while they fit together, and larger ones alone', async () => {
  const budget = byteBudget(10);
  const ends = new Map<string, (failure?: Error) => void>();
  const begun: string[] = [];
  const work = (name: string, bytes: number) =>
    budget
      .within(bytes, () => {
        begun.push(name);
        return new Promise<void>((resolve, reject) => {
          ends.set(name, (failure) => (failure ? reject(failure) : resolve()));
        });
      })
      .catch(() => {});
  const all = [work('a', 4), work('b', 6), work('huge', 50), work('c', 1)];
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  await settle();
  expect(begun).toEqual(['a', 'b']);
  ends.get('a')!(new Error('what fails gives its room back'));
  await settle();
  expect(begun).toEqual(['a', 'b']);
  ends.get('b')!();
  await settle();
  expect(begun).toEqual(['a', 'b', 'huge']);
  ends.get('huge')!();
  await settle();
  expect(begun).toEqual(['a', 'b', 'huge', 'c']);
  ends.get('c')!();
  await Promise.all(all);
});
