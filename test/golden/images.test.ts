import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fitImage } from '../../src/data/fit-image.ts';
import type { DecodedImage } from '../../src/data/image.ts';
import { Loader } from '../../src/data/loader.ts';
import { normalizationOf } from '../../src/data/transforms/normalize.ts';
import { decodeImage } from '../../src/node/data/image-file.ts';
import { floats } from '../support/floats.ts';
import { golden, goldenPath } from '../support/golden.ts';

const file = golden('images');
const bytes = (name: string) => file.tensors.get(name)!.data as Uint8Array;
const decoded = (name: string) => decodeImage(bytes(`file.${name}`));

/** An image decoded by Pillow. */
function pillow(name: string): DecodedImage {
  const [height, width, channels = 1] = file.tensors.get(name)!.shape as [number, number, number?];
  return { height, width, channels: channels as 1 | 3, pixels: bytes(name) };
}

describe('a decoded image', () => {
  test.each(['png', 'webp', 'palette', 'transparent'])("of %s has Pillow's bytes", async (name) => {
    const { height, width, channels, pixels } = await decoded(name);
    expect([height, width, channels]).toEqual([37, 53, 3]);
    expect(Buffer.from(pixels)).toEqual(Buffer.from(bytes(`pixels.${name}`)));
  });

  test.each([
    ['jpeg', 37, 53],
    ['turned', 53, 37],
  ])("of %s is Pillow's within what decoders of JPEG may differ in, upright", async (name, height, width) => {
    const image = await decoded(name);
    expect([image.height, image.width, image.channels]).toEqual([height, width, 3]);
    const expected = bytes(`pixels.${name}`);
    const differences = image.pixels.map((byte, i) => Math.abs(byte - expected[i]!));
    expect(Math.max(...differences)).toBeLessThanOrEqual(4);
  });

  test.each([
    ['black-ink', [0, 0, 0]],
    ['cyan', [0, 255, 255]],
    ['magenta', [255, 0, 255]],
    ['rich', [190, 139, 80]],
    ['white-paper', [255, 255, 255]],
    ['yellow', [255, 255, 0]],
  ])("of inks (CMYK, %s) has Pillow's light", async (name, colour) => {
    const { height, width, channels, pixels } = await decodeImage(
      readFileSync(goldenPath(`cmyk/${name}.jpg`)),
    );
    expect([height, width, channels]).toEqual([16, 16, 3]);
    expect([...pixels]).toEqual(Array.from({ length: 256 }, () => colour).flat());
  });

  const deepPixels = JSON.parse(readFileSync(goldenPath('deep/pillow.json'), 'utf8'));
  test.each([
    ['grey', 'grey-alpha', 1],
    ['grey-alpha', 'grey-alpha', 1],
    ['colour', 'colour', 3],
    ['colour-alpha', 'colour-alpha', 3],
  ])('of 16 bits (%s) has the upper ones, as Pillow has of %s', async (name, expected, wanted) => {
    const { channels, pixels } = await decodeImage(readFileSync(goldenPath(`deep/${name}.png`)));
    expect(channels).toBe(wanted);
    const colour: readonly number[] = deepPixels[expected];
    expect([...pixels]).toEqual(wanted === 1 ? colour.filter((_, i) => i % 3 === 0) : colour);
  });

  test('with one channel stays grayscale', async () => {
    const { channels, pixels } = await decoded('grey');
    expect(channels).toBe(1);
    expect(Buffer.from(pixels)).toEqual(Buffer.from(bytes('grey.png')));
  });
});

describe("Resize and CenterCrop have torchvision's bits", () => {
  test.each([
    ['a wide image made smaller', 'pixels.png', 'fit.png', 23],
    ['a wide image cut at half a pixel', 'pixels.png', 'half.png', 27],
    ['a tall image made smaller', 'pixels.turned', 'fit.turned', 23],
    ['a wide image made larger', 'pixels.png', 'larger.png', 61],
  ])('of %s', (_, source, expected, size) => {
    expect(Buffer.from(fitImage(pillow(source), size, 3))).toEqual(Buffer.from(bytes(expected)));
  });

  test('and Grayscale has', () => {
    expect(Buffer.from(fitImage(pillow('pixels.png'), 23, 1))).toEqual(Buffer.from(bytes('fit_grey.png')));
  });

  test('and a grayscale image in color has three equal channels', () => {
    const colour = fitImage(pillow('grey.png'), 23, 3);
    const grey = fitImage(pillow('grey.png'), 23, 1);
    expect([0, 1, 2].map((c) => colour.filter((_, i) => i % 3 === c))).toEqual([grey, grey, grey]);
  });

  test('and a strip two million pixels long needs no more memory than a square', () => {
    const strip = { height: 1, width: 2_000_000, channels: 1, pixels: new Uint8Array(2_000_000) } as const;
    strip.pixels.fill(200, 900_000, 1_100_000);
    expect(fitImage(strip, 8, 1)).toEqual(new Uint8Array(64).fill(200));
  });
});

test("ToTensor and Normalize have torchvision's bits", () => {
  const dataset = {
    name: 'images',
    count: 1,
    height: 23,
    width: 23,
    channels: 3,
    pixels: bytes('fit.png'),
    labels: new Uint8Array(1),
    classNames: ['0'],
  };
  const normalization = normalizationOf('imagenet', dataset)!;
  const loader = new Loader(dataset, { size: [23, 23], batch: 1, normalization });
  const images = floats(loader.batch(loader.order(), 0).images);
  expect(Buffer.from(images.buffer, images.byteOffset, images.byteLength)).toEqual(
    Buffer.from((file.tensors.get('normalized')!.data as Float32Array).buffer),
  );
});
