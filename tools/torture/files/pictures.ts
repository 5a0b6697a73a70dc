import sharp, { type Sharp } from 'sharp';
import { decodeImage } from '../../../src/node/data/image-file.ts';
import { randomOf } from '../random.ts';
import type { Format } from './format.ts';
import { pick } from './hostile.ts';
import { mutate } from './mutate.ts';
import { CONTAINERS, mutatePieces } from './mutate-pieces.ts';

type Picture = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff';

/** Small images of all variants of a format: color, grayscale, transparency, EXIF, progressive, animated. */
export async function pictures(name: Picture): Promise<Format> {
  const seeds = await Promise.all(variants(name).map((image) => image.toBuffer()));
  const container = name in CONTAINERS ? CONTAINERS[name as keyof typeof CONTAINERS] : undefined;
  return {
    make: (below) => {
      const seed = pick(seeds, below);
      return container && below(2) === 0
        ? mutatePieces(container, seed, pick(seeds, below), below)
        : mutate(seed, seeds, below);
    },
    read: async (bytes) => {
      const { height, width, channels, pixels } = await decodeImage(bytes);
      if (pixels.length !== height * width * channels) throw new RangeError('pixels do not fit the size');
      return '';
    },
  };
}

function variants(name: Picture): readonly Sharp[] {
  const of = (channels: 1 | 3 | 4) =>
    sharp(noise(23 * 17 * channels), { raw: { width: 23, height: 17, channels } });
  const turned = of(3).withMetadata({ orientation: 6, density: 300 });
  switch (name) {
    case 'png':
      return [
        of(3).png(),
        of(4).png({ palette: true }),
        of(1).png({ progressive: true }),
        turned.png(),
        of(3).toColourspace('rgb16').png(),
      ];
    case 'jpeg':
      return [
        of(3).jpeg(),
        of(1).jpeg(),
        turned.jpeg({ progressive: true }),
        of(3).jpeg({ chromaSubsampling: '4:4:4' }),
      ];
    case 'webp':
      return [of(3).webp(), of(4).webp({ lossless: true }), turned.webp(), of(4).webp({ alphaQuality: 50 })];
    case 'gif':
      return [of(3).gif(), of(4).gif({ colours: 4 })];
    case 'tiff':
      return [
        of(3).tiff(),
        of(1).tiff({ compression: 'lzw' }),
        turned.tiff({ compression: 'deflate' }),
        of(3).tiff({ tile: true }),
      ];
  }
}

function noise(length: number): Buffer {
  const below = randomOf(7, length);
  return Buffer.from(Array.from({ length }, () => below(256)));
}
