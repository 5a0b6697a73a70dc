import { describe, expect, test } from 'vitest';
import { DataError, type Dataset } from '../../src/data/dataset.ts';
import { Loader } from '../../src/data/loader.ts';
import { normalizationOf } from '../../src/data/transforms/normalize.ts';
import { floats } from '../support/floats.ts';

function dataset(pixels: Uint8Array, channels: number): Dataset {
  const count = pixels.length / (4 * channels);
  return {
    name: 'small',
    count,
    height: 2,
    width: 2,
    channels,
    pixels,
    labels: new Uint8Array(count),
    classNames: ['a'],
  };
}

const colour = dataset(
  Uint8Array.from({ length: 5 * 12 }, (_, i) => (i * 41 + (i % 3) * 60) % 256),
  3,
);

describe('normalisation', () => {
  test('measured on the training images gives mean 0 and deviation 1 in every channel', () => {
    const normalization = normalizationOf('measured', colour)!;
    const loader = new Loader(colour, { size: [2, 2], batch: 5, normalization });
    const images = floats(loader.batch(loader.order(), 0).images);
    for (let c = 0; c < 3; c++) {
      const values = images.filter((_, i) => i % 3 === c);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
      expect(mean).toBeCloseTo(0, 5);
      expect(variance).toBeCloseTo(1, 5);
    }
  });

  test('measured with a limit reads the first images only', () => {
    const first = dataset((colour.pixels as Uint8Array).slice(0, 24), 3);
    expect(normalizationOf('measured', colour, 2)).toEqual(normalizationOf('measured', first));
    expect(normalizationOf('measured', colour, 2)).not.toEqual(normalizationOf('measured', colour));
  });

  test('of images that are all the same stays finite', () => {
    const black = dataset(new Uint8Array(8), 1);
    expect(normalizationOf('measured', black)).toEqual({ mean: [0], std: [1 / 255] });
  });

  test("none is none, and ImageNet's is for colours", () => {
    expect(normalizationOf('none', colour)).toBeUndefined();
    expect(normalizationOf('imagenet', colour)!.mean).toEqual([0.485, 0.456, 0.406]);
    expect(() => normalizationOf('imagenet', dataset(new Uint8Array(8), 1))).toThrow(DataError);
  });
});
