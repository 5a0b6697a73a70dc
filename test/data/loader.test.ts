import { describe, expect, test } from 'vitest';
import { Loader } from '../../src/data/loader.ts';
import { openDataset } from '../../src/node/data/open-dataset.ts';
import { floats } from '../support/floats.ts';

const { train } = await openDataset('sample', undefined, { note: () => {}, bytes: () => {} });

describe('a loader', () => {
  test('returns every image once per epoch, the short batch last', () => {
    const loader = new Loader(train, { size: [28, 28], batch: 96 });
    expect([loader.batches, loader.lastBatch]).toEqual([11, 40]);
    const order = loader.order({ seed: 1, epoch: 0 });
    const [pixelsOfSet, labelsOfSet] = [train.pixels as Uint8Array, train.labels as Uint8Array];
    const seen = new Set<number>();
    for (let i = 0; i < loader.batches; i++) {
      const batch = loader.batch(order, i);
      expect(batch.images.length).toBe(batch.size * 784);
      const images = floats(batch.images);
      for (let k = 0; k < batch.size; k++) {
        const image = order[96 * i + k]!;
        seen.add(image);
        expect(batch.labels[k]).toBe(labelsOfSet[image]);
        const bytes = images.subarray(784 * k, 784 * (k + 1)).map((x) => Math.round(255 * x));
        expect(Buffer.from(bytes).equals(pixelsOfSet.subarray(784 * image, 784 * (image + 1)))).toBe(true);
      }
    }
    expect(seen.size).toBe(train.count);
  });

  test('returns any part of a batch as floats, with a table per channel', () => {
    const normalization = { mean: [0.1, 0.2, 0.3], std: [1, 2, 3] };
    const colour = { ...train, count: 4, height: 2, width: 2, channels: 3 };
    const loader = new Loader(colour, { size: [2, 2], batch: 4, normalization });
    const { images } = loader.batch(loader.order(), 0);
    const whole = floats(images);
    for (const [at, count] of [
      [0, 1],
      [1, 7],
      [5, 5],
      [46, 2],
    ] as const) {
      const part = new Float32Array(count);
      images.copyTo(part, at);
      expect(part).toEqual(whole.subarray(at, at + count));
    }
    whole.forEach((value, i) => {
      const [mean, std] = [normalization.mean[i % 3]!, normalization.std[i % 3]!];
      expect(value).toBeCloseTo(((train.pixels as Uint8Array)[i]! / 255 - mean) / std, 6);
    });
  });

  test('stores a batch as bytes, and can reuse the memory of another loader', () => {
    const loader = new Loader(train, { size: [28, 28], batch: 30 });
    expect(loader.memory.byteLength).toBe(30 * 784);
    const other = new Loader(train, { size: [14, 14], batch: 30, memory: loader.memory });
    const alone = new Loader(train, { size: [14, 14], batch: 30 });
    expect(other.memory).toBe(loader.memory);
    expect(floats(other.batch(other.order(), 1).images)).toEqual(
      floats(alone.batch(alone.order(), 1).images),
    );
    const tooLarge = new Loader(train, { size: [28, 28], batch: 31, memory: loader.memory });
    expect(tooLarge.memory).not.toBe(loader.memory);
  });

  test('with a limit uses the first images only', () => {
    const loader = new Loader(train, { size: [28, 28], batch: 30, limit: 50 });
    expect([loader.count, loader.batches, loader.lastBatch]).toEqual([50, 2, 20]);
    expect(Math.max(...loader.order({ seed: 0, epoch: 3 }))).toBe(49);
  });
});
