import { describe, expect, test } from 'vitest';
import { Loader } from '../../src/data/loader.ts';
import { openDataset } from '../../src/data/open-dataset.ts';

const { train } = await openDataset('sample', undefined, { note: () => {}, bytes: () => {} });

describe('a loader', () => {
  test('gives every image once an epoch, the short batch last', () => {
    const loader = new Loader(train, { size: [28, 28], batch: 96 });
    expect([loader.batches, loader.lastBatch]).toEqual([11, 40]);
    const order = loader.order({ seed: 1, epoch: 0 });
    const [pixelsOfSet, labelsOfSet] = [train.pixels as Uint8Array, train.labels as Uint8Array];
    let sum = 0;
    let labels = 0;
    for (let i = 0; i < loader.batches; i++) {
      const batch = loader.batch(order, i);
      expect(batch.images.length).toBe(batch.size * 784);
      sum += batch.images.reduce((a, b) => a + b, 0) * 255;
      labels += batch.labels.reduce((a, b) => a + b, 0);
    }
    expect(labels).toBe(labelsOfSet.reduce((a, b) => a + b, 0));
    expect(sum / pixelsOfSet.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  });

  test('keeps a batch while the next one is made', () => {
    const loader = new Loader(train, { size: [28, 28], batch: 8 });
    const order = loader.order();
    const first = loader.batch(order, 0);
    const copy = first.images.slice();
    loader.batch(order, 1);
    expect(first.images).toEqual(copy);
  });

  test('with a limit uses the first images only', () => {
    const loader = new Loader(train, { size: [28, 28], batch: 30, limit: 50 });
    expect([loader.count, loader.batches, loader.lastBatch]).toEqual([50, 2, 20]);
    expect(Math.max(...loader.order({ seed: 0, epoch: 3 }))).toBe(49);
  });
});
