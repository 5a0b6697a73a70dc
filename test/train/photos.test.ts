import { describe, expect, test } from 'vitest';
import { suitableSize } from '../../src/data/fit-image.ts';
import { choosePhotosSettings, photosChoices } from '../../src/train/photos.ts';
import { settingsWarnings } from '../../src/train/warnings.ts';

const picture = { height: 64, width: 80 };

describe('the recipe photos', () => {
  test('runs hundreds of steps for few images, and limits epochs for many', () => {
    for (const images of [20, 204, 340, 1700, 5000, 60_000]) {
      const { batch, epochs } = photosChoices({}, picture, [images / 2, images / 2]);
      const steps = epochs.value * Math.ceil(images / batch.value);
      expect([images, steps >= 100], `${images} images`).toEqual([images, true]);
      expect(batch.value).toBeLessThanOrEqual(Math.max(16, images));
      expect(epochs.reason).toBe(`${steps.toLocaleString('en-US')} steps in all`);
    }
  });

  test('has no last batch of one image', () => {
    for (const images of [17, 33, 161, 8001, 64_001]) {
      const { batch } = photosChoices({}, picture, [images]);
      expect([images, images % batch.value === 1]).toEqual([images, false]);
    }
  });

  test('balances imbalanced classes', () => {
    expect(photosChoices({}, picture, [40, 50]).balance.value).toBe('none');
    expect(photosChoices({}, picture, [40, 0, 50]).balance.value).toBe('none');
    expect(photosChoices({}, picture, [20, 200]).balance).toEqual({
      value: 'sample',
      reason: 'classes have 20 to 200 images',
    });
  });

  test('keeps given settings, and derives others from them', () => {
    const labels = Uint8Array.from({ length: 100 }, (_, i) => i % 2);
    const dataset = { ...picture, ...{ name: 'x', count: 100, channels: 1, classNames: ['a', 'b'] }, labels };
    const given = { batch: 50, balance: 'sample', validate: 0.2 } as const;
    const chosen = choosePhotosSettings(given, { ...dataset, pixels: new Uint8Array() });
    expect(Object.keys(chosen.reasons)).toEqual(['size', 'epochs']);
    expect(chosen).not.toHaveProperty('batch');
    expect(chosen.reasons.epochs).toBe(`${2 * chosen.epochs!} steps in all`); // 80 images in batches of 50.
  });

  test('has no validation set if the data set is too small', () => {
    const labels = Uint8Array.from({ length: 9 }, (_, i) => i % 3);
    const dataset = { ...picture, name: 'x', count: 9, channels: 1, classNames: ['a', 'b', 'c'], labels };
    const chosen = choosePhotosSettings({ validate: 0.15 }, { ...dataset, pixels: new Uint8Array() });
    expect(chosen).toHaveProperty('validate', undefined);
    expect(chosen.reasons.validate).toBe('too few images for validation');
  });

  test('sizes are multiples of 32, up to 96', () => {
    expect([8, 28, 40, 50, 64, 100, 3000, Number.POSITIVE_INFINITY].map(suitableSize)).toEqual([
      32, 32, 32, 64, 64, 96, 96, 96,
    ]);
  });
});

describe('warnings', () => {
  test('of a batch larger than the data, and of few steps', () => {
    const warnings = settingsWarnings({ batch: 256, epochs: 10, limit: undefined }, 240);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('the batch of 256 is larger than the 240 training images');
    expect(warnings[1]).toContain('10 steps in all');
  });

  test('none for hundreds of steps', () => {
    expect(settingsWarnings({ batch: 16, epochs: 20, limit: undefined }, 240)).toEqual([]);
  });
});
