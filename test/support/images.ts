import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { TrainTest } from '../../src/data/dataset.ts';
import { type FolderOptions, openDataset } from '../../src/node/data/open-dataset.ts';
import { numbers } from './module-run.ts';

export type Colour = readonly [number, number, number];

export interface Picture {
  readonly height?: number;
  readonly width?: number;
  readonly colour?: Colour;
  readonly seed?: number;
  readonly format?: 'png' | 'jpeg' | 'webp';
  /** One channel, the mean of the color. */
  readonly grey?: boolean;
}

/** An encoded noisy image of about one color. */
export async function picture({
  height = 20,
  width = 24,
  colour = [120, 120, 120],
  seed = 1,
  format = 'png',
  grey = false,
}: Picture = {}): Promise<Buffer> {
  const random = numbers(seed);
  const channels = grey ? 1 : 3;
  const pixels = Buffer.from(
    Array.from({ length: height * width * channels }, (_, i) => colour[i % channels]! + 60 * random()),
  );
  const image = sharp(pixels, { raw: { height, width, channels } });
  return image
    .toColourspace(grey ? 'b-w' : 'srgb')
    .toFormat(format)
    .toBuffer();
}

/** A small file with more pixels than the limit: 100,010,000. */
export function bomb(): Promise<Buffer> {
  const create = { width: 10_001, height: 10_000, channels: 3, background: 'black' } as const;
  return sharp({ create }).toColourspace('b-w').png({ compressionLevel: 9 }).toBuffer();
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}

const COLOURS: Readonly<Record<string, Colour>> = {
  blue: [20, 20, 190],
  green: [20, 190, 20],
  red: [190, 20, 20],
};

/** Three easily separable classes with `count` images each, alternately JPEG, PNG and WebP. */
export async function writeColours(folder: string, count: number, grey = false): Promise<void> {
  for (const [name, colour] of Object.entries(COLOURS)) {
    for (let i = 0; i < count; i++) {
      const format = grey ? 'png' : (['jpeg', 'png', 'webp'] as const)[i % 3]!;
      const bytes = await picture({ colour, seed: i + 1, width: 20 + i, format, grey });
      writeFiles(join(folder, name), { [`${i}.${format}`]: bytes });
    }
  }
}

/** Opens a folder of images as a data set of 16×16 pixels. @param notes what is said on the way */
export function openImages(folder: string, options: FolderOptions, notes: string[]): Promise<TrainTest> {
  const note = (text: string) => void notes.push(text);
  return openDataset(`folder:${folder}`, undefined, { note, bytes: () => {} }, { size: 16, ...options });
}
