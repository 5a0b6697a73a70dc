import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { nearDuplicates } from '../../src/data/near-duplicates.ts';
import { openDataset } from '../../src/node/data/open-dataset.ts';

const sample = await openDataset('sample', undefined, { note: () => {}, bytes: () => {} });

function images(pictures: readonly Uint8Array[]): Dataset {
  return {
    ...{ ...sample.train, count: pictures.length, labels: new Uint8Array(pictures.length) },
    pixels: Buffer.concat(pictures),
  };
}

const pictures = Array.from({ length: 200 }, (_, i) =>
  (sample.train.pixels as Uint8Array).subarray(i * 784, (i + 1) * 784),
);

test('finds an image that is in both sets, and one that was recompressed as JPEG', async () => {
  const raw = { width: 28, height: 28, channels: 1 } as const;
  const again = await sharp(await sharp(pictures[5]!, { raw }).jpeg({ quality: 70 }).toBuffer())
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  expect(again).toHaveLength(784);
  expect(Buffer.from(pictures[5]!).equals(again)).toBe(false);
  const found = nearDuplicates(images(pictures.slice(0, 100)), images([pictures[150]!, again, pictures[7]!]));
  expect(found).toEqual([
    { test: 1, train: 5 },
    { test: 2, train: 7 },
  ]);
});

test('finds no duplicates in the sample, and ignores images without contrast', () => {
  expect(nearDuplicates(sample.train, sample.test)).toEqual([]);
  const plain = new Uint8Array(784).fill(90);
  expect(nearDuplicates(images([plain]), images([plain]))).toEqual([]);
});
