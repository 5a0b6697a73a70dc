import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { imageHeader } from '../../src/data/image-header.ts';

const [width, height] = [37, 23];
const create = { width, height, background: '#408020' } as const;
const colour = () => sharp({ create: { ...create, channels: 3 } });
const clear = () =>
  sharp({ create: { ...create, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0.4 } } });
const grey = () => colour().toColourspace('b-w');

describe('the header of an image file', () => {
  test.each<[string, () => Sharp, boolean]>([
    ['JPEG', () => colour().jpeg(), false],
    [
      'JPEG',
      () =>
        colour()
          .jpeg({ progressive: true })
          .withExif({ IFD0: { Artist: 'x'.repeat(300) } }),
      false,
    ],
    ['JPEG', () => grey().jpeg(), true],
    ['PNG', () => colour().png(), false],
    ['PNG', () => colour().png({ palette: true }), false],
    ['PNG', () => clear().png(), false],
    ['PNG', () => grey().png(), true],
    ['WebP', () => colour().webp(), false],
    ['WebP', () => colour().webp({ lossless: true }), false],
    ['WebP', () => clear().webp(), false],
  ])('says its size and whether it is grey: %s %#', async (kind, make, isGrey) => {
    const bytes = await make().toBuffer();
    expect(imageHeader(bytes)).toEqual({ kind, width, height, isGrey, isAnimated: false });
    for (const end of [12, 20, 24]) expect(imageHeader(bytes.subarray(0, end))?.kind, `${end}`).toBe(kind);
  });

  test('says whether it is an animation', async () => {
    const pages = Buffer.concat([Buffer.alloc(300, 10), Buffer.alloc(300, 200)]);
    const raw = { width: 10, height: 20, channels: 3, pageHeight: 10 } as const;
    const bytes = await sharp(pages, { raw })
      .webp({ loop: 0, delay: [99, 99] })
      .toBuffer();
    expect(imageHeader(bytes)).toMatchObject({ kind: 'WebP', width: 10, height: 10, isAnimated: true });
  });

  test('is of no other file', () => {
    for (const text of ['', 'GIF89a', 'RIFF1234WAVE', '\x89PNG'])
      expect(imageHeader(Buffer.from(text, 'latin1'))).toBeUndefined();
  });
});
