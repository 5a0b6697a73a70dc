import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Dataset } from '../../src/data/dataset.ts';
import { imageReader } from '../../src/data/pixels.ts';
import { randomBits, streamOf, uniform } from '../../src/tensor/random.ts';

/** A small data set typical of users: a few images per class, in folders. */
export interface SmallSet {
  readonly name: string;
  readonly what: string;
  readonly classes: readonly number[];
  /** Number of training images of class `k`. */
  readonly trained: (k: number) => number;
  readonly isColour: boolean;
}

const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const UNEQUAL = [200, 20, 100, 40, 150, 15, 60, 30, 80, 25];

export const SMALL_SETS: readonly SmallSet[] = [
  { name: '4x60', what: '4 classes of 60', classes: [0, 1, 8, 9], trained: () => 60, isColour: false },
  { name: '10x40', what: '10 classes of 40', classes: ALL, trained: () => 40, isColour: false },
  { name: '10x200', what: '10 classes of 200', classes: ALL, trained: () => 200, isColour: false },
  {
    name: 'unequal',
    what: '10 classes of 15 to 200',
    classes: ALL,
    trained: (k) => UNEQUAL[k]!,
    isColour: false,
  },
  { name: 'colour', what: '10 classes of 100, in colour', classes: ALL, trained: () => 100, isColour: true },
];

/** Test images per class. */
const TEST_IMAGES = 50;

/**
 * Writes FOLDER/{train,test}/CLASS/*.png of a set: the first images of each class of Fashion-MNIST's training set
 * for training, the next 50 for testing.
 */
export async function writeSmallSet(folder: string, source: Dataset, set: SmallSet): Promise<void> {
  const read = imageReader(source);
  for (const [k, label] of set.classes.entries()) {
    const members = [...source.labels.keys()].filter((i) => source.labels[i] === label);
    const count = set.trained(k);
    const sets = { train: members.slice(0, count), test: members.slice(count, count + TEST_IMAGES) };
    for (const [name, images] of Object.entries(sets)) {
      const place = join(folder, name, source.classNames[label]!.replaceAll(' ', '-'));
      mkdirSync(place, { recursive: true });
      for (const i of images) await writePicture(join(place, `${i}.png`), read(i), i, set.isColour);
    }
  }
}

const SIDE = 28;
/** Side of a color image in pixels, larger than the garment so that its position can vary. */
const SCENE = 40;

async function writePicture(
  path: string,
  pixels: Uint8Array,
  seed: number,
  isColour: boolean,
): Promise<void> {
  const scene = isColour ? scenery(pixels, seed) : pixels;
  const raw = isColour
    ? { width: SCENE, height: SCENE, channels: 3 as const }
    : { width: SIDE, height: SIDE, channels: 1 as const };
  await sharp(scene, { raw }).png().toFile(path);
}

/**
 * The garment in a random light color, at a random position on a darker background with waves and noise: [40, 40,
 * 3] bytes.
 */
function scenery(garment: Uint8Array, seed: number): Uint8Array {
  const stream = streamOf('small-sets.scene');
  let counter = 0;
  const draw = (below = 1) => below * uniform(seed, stream, counter++);
  const [back, front] = [
    [draw(110), draw(110), draw(110)],
    [120 + draw(135), 120 + draw(135), 120 + draw(135)],
  ];
  const wave = { x: draw(0.8), y: draw(0.8), phase: draw(6), height: draw(40) };
  const [left, top] = [Math.floor(draw(SCENE - SIDE + 1)), Math.floor(draw(SCENE - SIDE + 1))];
  const pixels = new Uint8Array(SCENE * SCENE * 3);
  for (let y = 0; y < SCENE; y++) {
    for (let x = 0; x < SCENE; x++) {
      const noise = ((randomBits(seed, stream, 1000 + y * SCENE + x) & 255) / 255 - 0.5) * 30;
      const texture = Math.sin(wave.x * x + wave.y * y + wave.phase) * wave.height + noise;
      const [row, column] = [y - top, x - left];
      const isInside = row >= 0 && column >= 0 && row < SIDE && column < SIDE;
      const level = isInside ? garment[row * SIDE + column]! / 255 : 0;
      const cover = Math.min(1, 1.5 * level);
      for (let c = 0; c < 3; c++) {
        const value = (back[c]! + texture) * (1 - cover) + level * front[c]!;
        pixels[(y * SCENE + x) * 3 + c] = Math.max(0, Math.min(255, value));
      }
    }
  }
  return pixels;
}
