import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NodeNetwork, type TrainTest, fit as train } from '../../src/index.ts';
import { dataOf } from '../../src/train/run-data.ts';
import { COLOURS, colourImage, colours, OWN_NETWORK } from '../support/colours.ts';

const MADE = colours(48);
const BYTES = 12 * 12 * 3;

function half(first: number, count: number): TrainTest['train'] {
  return {
    ...{ name: 'colours', count, height: 12, width: 12, channels: 3, classNames: COLOURS },
    pixels: MADE.images.slice(first * BYTES, (first + count) * BYTES),
    labels: Uint8Array.from({ length: count }, (_, i) => (first + i) % 3),
    files: Array.from({ length: count }, (_, i) => `${first + i}.png`),
  };
}
const DATA: TrainTest = { train: half(0, 36), test: half(36, 12) };

let net: NodeNetwork;
beforeAll(async () => {
  net = await train(OWN_NETWORK, DATA, { epochs: 2, lr: 0.05, threads: 1, validate: 0.25 });
});
afterAll(() => net.close());

/** Cosine similarities in float64, of features that are asked for one image at a time. */
async function similarities(index: number): Promise<ReadonlyMap<string, number>> {
  const features = async (i: number) => {
    const [[...numbers]] = (await net.features([colourImage(MADE, i)])) as [Float32Array];
    return numbers;
  };
  const of = await features(index);
  const found = new Map<string, number>();
  for (let i = 0; i < 36; i++) {
    const other = await features(i);
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, k) => sum + x * b[k]!, 0);
    found.set(`${i}.png`, dot(of, other) / Math.sqrt(dot(of, of) * dot(other, other)));
  }
  return found;
}

describe('the nearest training images', () => {
  test('are those with the largest cosine similarity, without the validation images', async () => {
    const trained = dataOf(net.config, DATA).train.files!;
    expect(trained).toHaveLength(27);
    const exact = await similarities(40);
    const expected = [...trained].sort((a, b) => exact.get(b)! - exact.get(a)!);
    const found = await net.nearest(colourImage(MADE, 40), DATA, { count: 7 });
    expect(found.map(({ file }) => file)).toEqual(expected.slice(0, 7));
    for (const { file, similarity, label, image } of found) {
      expect(similarity).toBeCloseTo(exact.get(file!)!, 5);
      const index = Number.parseInt(file!, 10);
      expect(label).toBe(COLOURS[index % 3]);
      expect(image.data).toEqual(colourImage(MADE, index).data);
    }
    expect(found[0]!.label).toBe('green');
  });

  test('begin with the image itself, where it was trained on', async () => {
    const { files } = dataOf(net.config, DATA).train;
    const index = Number.parseInt(files![5]!, 10);
    const [first] = await net.nearest(colourImage(MADE, index), DATA, { count: 1 });
    expect(first!.file).toBe(files![5]);
    expect(first!.similarity).toBeCloseTo(1, 6);
  });

  test('are looked for among some of many, once', async () => {
    await using other = await train(OWN_NETWORK, DATA, { epochs: 1, lr: 0.05, threads: 1 });
    const told: string[] = [];
    const options = { most: 9, count: 20, onProgress: (...of: [number, number]) => told.push(`${of}`) };
    const found = await other.nearest(colourImage(MADE, 40), DATA, options);
    const files = dataOf(other.config, DATA).train.files!;
    expect(files.length).toBeGreaterThan(20);
    const spaced = Array.from({ length: 9 }, (_, i) => files[Math.floor((i * files.length) / 9)]!);
    expect(found.map(({ file }) => file).sort()).toEqual(spaced.sort());
    expect(told).toEqual(['0,9', '9,9']);
    await other.nearest(colourImage(MADE, 41), DATA, options);
    expect(told).toHaveLength(2);
    expect(await other.nearest(colourImage(MADE, 41), DATA, { ...options, most: 12 })).toHaveLength(12);
    expect(told.slice(2)).toEqual(['0,12', '12,12']);
  });

  test.each([
    [{ count: 0 }, '`count` is 0: expected a whole number from 1, of images to return'],
    [{ most: 1.5 }, '`most` is 1.5: expected a whole number from 1, of images to compare with'],
  ])('are not looked for with %o', async (options, message) => {
    await expect(net.nearest(colourImage(MADE, 40), DATA, options)).rejects.toThrow(message);
  });
});
