import { expect, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { Loader } from '../../src/data/loader.ts';
import { createResizer } from '../../src/data/resize.ts';
import { floats } from '../support/floats.ts';
import { golden } from '../support/golden.ts';

const file = golden('resize');

test("Resize(96) and ToTensor have torchvision's bits", () => {
  const pixels = file.tensors.get('source')!.data as Uint8Array;
  const dataset: Dataset = {
    name: 'resize',
    count: 16,
    height: 28,
    width: 28,
    channels: 1,
    pixels,
    labels: new Uint8Array(16),
    classNames: ['0'],
  };
  const loader = new Loader(dataset, { size: [96, 96], batch: 16 });
  const images = floats(loader.batch(loader.order(), 0).images);
  expect(Buffer.from(images.buffer, images.byteOffset, images.byteLength)).toEqual(
    Buffer.from((file.tensors.get('resized')!.data as Float32Array).buffer),
  );
});

test('an unchanged size keeps every byte', () => {
  const pixels = Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * 37) % 256);
  const to = new Uint8Array(pixels.length);
  createResizer([5, 7], [5, 7], 3).resize(pixels, 0, to);
  expect(to).toEqual(pixels);
});

test('downscaling averages: a checkerboard becomes gray', () => {
  const pixels = Uint8Array.from({ length: 64 }, (_, i) => ((i + (i >> 3)) % 2 === 0 ? 255 : 0));
  const to = new Uint8Array(4);
  createResizer([8, 8], [2, 2], 1).resize(pixels, 0, to);
  expect([...to].every((byte) => Math.abs(byte - 127.5) <= 1)).toBe(true);
});
