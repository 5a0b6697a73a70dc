import { describe, expect, test } from 'vitest';
import { Loader } from '../../src/data/loader.ts';
import { AUGMENTATIONS, augment, crop, erase, flip, resizedCrop } from '../../src/data/transforms/augment.ts';
import { randomBits, streamOf, uniform } from '../../src/tensor/random.ts';
import { floats } from '../support/floats.ts';

/** Pixel k of an image is k + 1 in every channel, so no pixel is black. */
function ramp(height: number, width: number, channels = 1) {
  const pixels = Uint8Array.from(
    { length: height * width * channels },
    (_, i) => 1 + Math.floor(i / channels),
  );
  return { pixels, height, width, channels };
}
const always =
  (...numbers: readonly number[]) =>
  (counter: number) =>
    numbers[counter] ?? 0.5;

describe('a crop', () => {
  test('with known random numbers shifts the image, and fills with black', () => {
    const image = ramp(8, 8);
    crop(image, always(0, 0.99)); // Padding is 1: down by −1, right by +1.
    const expected = Uint8Array.from({ length: 64 }, (_, i) => {
      const [y, x] = [(i >> 3) - 1, (i & 7) + 1];
      return y < 0 || x > 7 ? 0 : 1 + y * 8 + x;
    });
    expect(image.pixels).toEqual(expected);
    const still = ramp(8, 8, 3);
    crop(still, always(0.5, 0.5));
    expect(still).toEqual(ramp(8, 8, 3));
  });

  test('that is a shift has half the distance: each of the 5 × 5 positions of a 28-pixel image', () => {
    const places = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const image = { pixels: new Uint8Array(28 * 28).fill(1), height: 28, width: 28, channels: 1 };
      image.pixels[14 * 28 + 14] = 2;
      augment(image, ['shift'], { seed: 7, epoch: 3 }, i);
      const at = image.pixels.indexOf(2);
      places.add(`${Math.floor(at / 28) - 14} ${(at % 28) - 14}`);
    }
    const steps = [-2, -1, 0, 1, 2];
    expect([...places].sort()).toEqual(steps.flatMap((y) => steps.map((x) => `${y} ${x}`)).sort());
  });

  test('uses each of the 9 × 9 positions of a 32-pixel image equally often', () => {
    const counts = new Map<string, number>();
    const draws = 16_200;
    for (let i = 0; i < draws; i++) {
      const image = { pixels: new Uint8Array(32 * 32).fill(1), height: 32, width: 32, channels: 1 };
      image.pixels[16 * 32 + 16] = 2;
      augment(image, ['crop'], { seed: 7, epoch: 3 }, i);
      const at = image.pixels.indexOf(2);
      const key = `${(at >> 5) - 16} ${(at & 31) - 16}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(81);
    const chi2 = [...counts.values()].reduce((sum, n) => sum + (n - draws / 81) ** 2 / (draws / 81), 0);
    expect(chi2).toBeLessThan(124.8); // 99.9% quantile for 80 degrees of freedom.
  });
});

describe('a flip', () => {
  test('reverses rows, not channels', () => {
    const image = { pixels: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]), height: 1, width: 3, channels: 3 };
    flip(image, always(0.49));
    expect([...image.pixels]).toEqual([7, 8, 9, 4, 5, 6, 1, 2, 3]);
    flip(image, always(0.5));
    expect([...image.pixels]).toEqual([7, 8, 9, 4, 5, 6, 1, 2, 3]);
  });
});

describe('random erasing', () => {
  test('at a known counter fills a known rectangle with known bytes', () => {
    const image = ramp(10, 10);
    const bits = (counter: number) => randomBits(1, 2, counter);
    // Area 100 · (0.02 + 0.31 · 0.8) = 26.8, shape e⁰: 5 × 5 at floor(6 · 0.4), floor(6 · 0.9).
    erase(image, always(0, 0.8, 0.5, 0.4, 0.9), bits);
    const before = ramp(10, 10);
    for (let i = 0; i < 100; i++) {
      const [y, x] = [Math.floor(i / 10) - 2, (i % 10) - 5];
      const isInside = y >= 0 && y < 5 && x >= 0 && x < 5;
      const random = bits(1000 + 2 * y + (x >> 2)) >>> (8 * (x & 3));
      expect(image.pixels[i], `${i}`).toBe(isInside ? random & 255 : before.pixels[i]);
    }
  });

  test('changes half of the images, by 2% to 33%', () => {
    const shares: number[] = [];
    for (let i = 0; i < 4000; i++) {
      const image = { pixels: new Uint8Array(1024 * 3), height: 32, width: 32, channels: 3 };
      augment(image, ['erase'], { seed: 0, epoch: 0 }, i);
      let changed = 0;
      for (let p = 0; p < 1024; p++) if (image.pixels.subarray(3 * p, 3 * p + 3).some(Boolean)) changed++;
      if (changed > 0) shares.push(changed / 1024);
    }
    expect(Math.abs(shares.length - 2000)).toBeLessThan(3.3 * Math.sqrt(1000));
    const bounds = [Math.min(...shares), Math.max(...shares)] as const;
    expect(bounds[0]).toBeGreaterThan(0.015); // Sides are rounded to pixels.
    expect(bounds[1]).toBeLessThan(0.35);
    // Uniform in area, except that the largest elongated ones do not fit.
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    expect(mean).toBeGreaterThan(0.15);
    expect(mean).toBeLessThan(0.18);
  });
});

describe('a resized crop', () => {
  test('with known random numbers is that part, enlarged', () => {
    const image = ramp(4, 4);
    image.pixels.fill(0);
    for (const i of [5, 6, 9, 10]) image.pixels[i] = 200; // The middle: 2 × 2 at (1, 1).
    const share = (0.25 - 0.08) / 0.92;
    resizedCrop(image, always(0, share, 0.5, 0.34, 0.34));
    expect(image.pixels).toEqual(new Uint8Array(16).fill(200));
  });
});

describe('a loader that augments', () => {
  const count = 12;
  const random = Uint8Array.from({ length: count * 256 }, (_, i) => 1 + (randomBits(0, 9, i) % 255));
  const dataset = {
    name: 'random',
    count,
    height: 16,
    width: 16,
    channels: 1,
    pixels: random,
    labels: new Uint8Array(count),
    classNames: ['a'],
  };
  const loader = () => new Loader(dataset, { size: [16, 16], batch: 4, augment: AUGMENTATIONS });
  const imageOf = (epoch: number, image: number, seed = 5) => {
    const order = Uint32Array.of(image);
    return floats(loader().batch(order, 0, { seed, epoch }).images).slice(0, 256);
  };

  test('gives the same image at the same moment, independent of other images', () => {
    const whole = loader();
    const order = whole.order({ seed: 5, epoch: 1 });
    for (let b = 0; b < 3; b++) {
      const images = floats(whole.batch(order, b, { seed: 5, epoch: 1 }).images);
      for (let i = 0; i < 4; i++) {
        expect(images.slice(i * 256, (i + 1) * 256)).toEqual(imageOf(1, order[b * 4 + i]!));
      }
    }
  });

  test('gives different results for another epoch, seed or image', () => {
    const pictures = [imageOf(0, 0), imageOf(1, 0), imageOf(0, 0, 6), imageOf(0, 1)];
    const texts = pictures.map((picture) => picture.join(' '));
    expect(new Set(texts).size).toBe(4);
  });

  test('changes no image without a moment, and never the data set', () => {
    const before = random.slice();
    const plain = new Loader(dataset, { size: [16, 16], batch: 4 });
    const testing = loader();
    const asItIs = plain.batch(plain.order(), 1);
    const tested = testing.batch(testing.order(), 1);
    expect(tested.labels).toEqual(asItIs.labels);
    expect(floats(tested.images)).toEqual(floats(asItIs.images));
    const { images } = testing.batch(testing.order(), 1, { seed: 0, epoch: 0 });
    expect(floats(images)).not.toEqual(floats(asItIs.images));
    expect(random).toEqual(before);
  });

  test('uses a separate random stream for each augmentation', () => {
    const alone = ramp(16, 16);
    flip(alone, (counter) => uniform(5, streamOf('augment.flip.2.3'), counter));
    const image = ramp(16, 16);
    augment(image, ['flip'], { seed: 5, epoch: 2 }, 3);
    expect(image).toEqual(alone);
  });
});
