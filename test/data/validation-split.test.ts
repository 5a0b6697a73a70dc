import { expect, test } from 'vitest';
import { DataError, type Dataset } from '../../src/data/dataset.ts';
import { imageReader } from '../../src/data/pixels.ts';
import { splitValidation } from '../../src/data/validation-split.ts';

/** The first pixel of image i is i, its class i mod 3, except the last image, the only one of class 3. */
const COUNT = 61;
const dataset: Dataset = {
  name: 'numbered',
  count: COUNT,
  height: 1,
  width: 2,
  channels: 1,
  pixels: Uint8Array.from({ length: 2 * COUNT }, (_, i) => (i % 2 === 0 ? i / 2 : 255)),
  labels: Uint8Array.from({ length: COUNT }, (_, i) => (i === COUNT - 1 ? 3 : i % 3)),
  classNames: ['a', 'b', 'c', 'd'],
};
const numbersOf = (part: Dataset) => {
  const read = imageReader(part);
  return Array.from({ length: part.count }, (_, i) => {
    const [number, mark] = read(i);
    expect(mark).toBe(255);
    return number!;
  });
};
const countOf = ({ labels }: Dataset, label: number) => labels.filter((each) => each === label).length;

test('labels from a file are not modified, and every image keeps its label', () => {
  const labels = Buffer.from(dataset.labels);
  const parts = splitValidation({ ...dataset, labels }, 0.2, { seed: 5 });
  expect([...labels]).toEqual([...dataset.labels]);
  const expected = splitValidation(dataset, 0.2, { seed: 5 });
  for (const set of ['train', 'validation'] as const) {
    expect([...parts[set].labels]).toEqual([...expected[set].labels]);
  }
});

test('every image is in one part, with its label, in the order of the set, and of each class its share', () => {
  const { train, validation } = splitValidation(dataset, 0.2, { seed: 5 });
  for (const part of [train, validation]) {
    const numbers = numbersOf(part);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(part.labels.length).toBe(numbers.length);
    expect([...part.labels]).toEqual(numbers.map((i) => dataset.labels[i]));
  }
  const all = [...numbersOf(train), ...numbersOf(validation)].sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: COUNT }, (_, i) => i));
  expect([0, 1, 2, 3].map((label) => countOf(validation, label))).toEqual([4, 4, 4, 0]);
});

test('the choice is the seed’s', () => {
  const chosen = (seed: number) => numbersOf(splitValidation(dataset, 0.3, { seed }).validation);
  expect(chosen(1)).toEqual(chosen(1));
  expect(chosen(2)).not.toEqual(chosen(1));
});

test('a limit counts both parts', () => {
  const { train, validation } = splitValidation(dataset, 0.5, { seed: 1, limit: 12 });
  expect([...numbersOf(train), ...numbersOf(validation)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 12 }, (_, i) => i),
  );
  expect(validation.count).toBe(6);
});

test('parts that would be empty are refused', () => {
  expect(() => splitValidation(dataset, 0.01, { seed: 1 })).toThrow(DataError);
  expect(() => splitValidation(dataset, 0.9, { seed: 1, limit: 3 })).toThrow(
    /leaves 0 to train on and takes 3 for validation/,
  );
});
