import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  batchNorm,
  compile,
  createReferenceEngine,
  denseBlock,
  denseLayer,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  type NodeNetwork,
  relu,
  sequential,
  fit as train,
} from '../../src/index.ts';
import { softmax } from '../../src/train/scorecard.ts';
import { colourImage, colours } from '../support/colours.ts';

const DATA = colours(36);
const SETTINGS = { epochs: 2, lr: 0.05, threads: 1, precision: 'f32' } as const;

/** Two dense blocks in a row, and a batch norm without ReLU at the end: features may be negative. */
const TWO_BLOCKS: Model = {
  name: 'two-blocks',
  channels: 3,
  classes: 3,
  root: sequential([
    denseBlock([denseLayer(4), denseLayer(4)]),
    denseBlock([denseLayer(5)]),
    batchNorm(),
    globalAvgPool(),
    flatten(),
    linear(3),
  ]),
};

let own: NodeNetwork;
let named: NodeNetwork;
beforeAll(async () => {
  own = await train(TWO_BLOCKS, DATA, SETTINGS);
  named = await train('densenet-bc-10-4', DATA, { ...SETTINGS, size: 16 });
});
afterAll(async () => {
  await own.close();
  await named.close();
});

/** The same outputs in float64, of the graph as it is written. */
async function inFloat64(net: NodeNetwork, image: Uint8Array, maps: readonly string[]) {
  const { model, size, trained } = net;
  const { network } = compile(model, [size, size], {
    evaluate: { batch: 1, mode: 'evaluate', outputs: maps },
  });
  const session = await createReferenceEngine().open(network);
  for (const [name, numbers] of trained.checkpoint.state) session.write(name, numbers);
  const { mean, std } = trained.config.transforms?.normalization ?? { mean: [0, 0, 0], std: [1, 1, 1] };
  const images = Float64Array.from(image, (byte, i) => (byte / 255 - mean[i % 3]!) / std[i % 3]!);
  return session.run('evaluate', { images, labels: Int32Array.of(0) });
}

const meanOf = (numbers: ArrayLike<number>, channels: number, channel: number) => {
  let sum = 0;
  for (let i = channel; i < numbers.length; i += channels) sum += numbers[i]!;
  return (sum * channels) / numbers.length;
};

/** Largest difference, relative to the largest number. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let [most, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return most / largest;
}

describe.each([
  ['a network of own modules', () => own, [3, 4, 4], [11, 5]],
  ['a DenseNet', () => named, undefined, undefined],
] as const)('%s', (_, net, first, second) => {
  test('has class maps whose means and biases are the logits', async () => {
    for (const index of [0, 1, 2]) {
      const { logits, bias, classMaps, predictions } = await net().explain(colourImage(DATA, index));
      const sums = [...logits].map((__, c) => meanOf(classMaps.data, classMaps.channels, c) + bias[c]!);
      expect(distance(sums, logits)).toBeLessThan(1e-5);
      // Maps that say the same everywhere would explain nothing.
      const { data, channels } = classMaps;
      expect(data.some((value, i) => i >= channels && value !== data[i % channels])).toBe(true);
      expect(predictions).toEqual(await net().predict(colourImage(DATA, index)));
      const best = predictions[0]!;
      const probabilities = softmax(logits);
      expect(probabilities[net().classNames.indexOf(best.label)]).toBeCloseTo(best.probability, 6);
    }
  });

  test('has the maps that a float64 engine computes without a plan', async () => {
    const image = colourImage(DATA, 4);
    const found = await net().explain(image);
    const names = ['features', ...found.blocks.map(({ block }) => `block ${block}`)];
    const bytes = await sized(net(), image);
    const exact = await inFloat64(net(), bytes, names);
    expect(distance(found.logits, exact.get('logits')!)).toBeLessThan(1e-4);
    for (const { block, data } of found.blocks)
      expect(distance(data, exact.get(`block ${block}`)!)).toBeLessThan(1e-4);
    const last = exact.get('features')!;
    const channels = found.features.length;
    const means = Array.from({ length: channels }, (__, k) => meanOf(last, channels, k));
    expect(distance(found.features, means)).toBeLessThan(1e-4);
    const weight = net().trained.checkpoint.state;
    const matrix = [...weight].find(
      ([name]) => /weight$/.test(name) && weight.get(name)!.length === 3 * channels,
    )![1];
    const maps = Array.from({ length: found.classMaps.data.length }, (__, i) => {
      const [pixel, c] = [Math.floor(i / 3), i % 3];
      let sum = 0;
      for (let k = 0; k < channels; k++) sum += matrix[c * channels + k]! * last[pixel * channels + k]!;
      return sum;
    });
    expect(distance(found.classMaps.data, maps)).toBeLessThan(1e-4);
  });

  test('tells the channels of each layer of a block', async () => {
    const { blocks } = await net().explain(colourImage(DATA, 0));
    for (const { parts, channels, height, width, data } of blocks) {
      expect(parts.reduce((sum, count) => sum + count, 0)).toBe(channels);
      expect(data).toHaveLength(height * width * channels);
    }
    if (first) expect(blocks.map(({ parts }) => parts)).toEqual([first, second]);
    else expect(blocks.map(({ parts }) => parts.slice(1))).toEqual([[4], [4], [4]]);
  });

  test('gives the same features for many images at once', async () => {
    const images = Array.from({ length: 35 }, (__, i) => colourImage(DATA, i));
    const all = await net().features(images);
    expect(all).toHaveLength(35);
    for (const i of [0, 17, 34]) {
      const { features } = await net().explain(images[i]!);
      expect(all[i]).toEqual(features);
    }
  });
});

/** The bytes that the network reads for an image, by way of a network of its own input. */
async function sized(net: NodeNetwork, image: ReturnType<typeof colourImage>): Promise<Uint8Array> {
  const { fitImage } = await import('../../src/data/fit-image.ts');
  const pixels = new Uint8Array(image.data);
  return fitImage({ width: image.width, height: image.height, channels: 3, pixels }, net.size, 3);
}

describe('what cannot be explained', () => {
  test('says what is expected', async () => {
    const deep: Model = {
      ...TWO_BLOCKS,
      name: 'deep',
      root: sequential([denseLayer(4), globalAvgPool(), flatten(), linear(8), relu(), linear(3)]),
    };
    await using net = await train(deep, DATA, { ...SETTINGS, epochs: 1 });
    const expected = 'the network deep cannot be explained: expected one that ends in globalAvgPool, flatten';
    await expect(net.explain(colourImage(DATA, 0))).rejects.toThrow(expected);
    await expect(net.features([colourImage(DATA, 0)])).rejects.toThrow(expected);
    expect((await net.predict(colourImage(DATA, 0)))[0]!.label).toMatch(/red|green|blue/);
  });

  test('is a network that is closed', async () => {
    const net = await train(TWO_BLOCKS, DATA, { ...SETTINGS, epochs: 1 });
    await net.close();
    await expect(net.explain(colourImage(DATA, 0))).rejects.toThrow('is closed');
  });
});

test('a run in bfloat16 is explained in float32', async () => {
  await using net = await train('densenet-bc-10-4', DATA, { ...SETTINGS, size: 16, precision: 'bf16' });
  const image = colourImage(DATA, 2);
  const { predictions, logits, bias, classMaps } = await net.explain(image);
  const sums = [...logits].map((_, c) => meanOf(classMaps.data, classMaps.channels, c) + bias[c]!);
  expect(distance(sums, logits)).toBeLessThan(1e-5);
  const rounded = new Map((await net.predict(image)).map(({ label, probability }) => [label, probability]));
  for (const { label, probability } of predictions)
    expect(Math.abs(probability - rounded.get(label)!)).toBeLessThan(0.02);
});

test('averaged weights are explained as they predict', async () => {
  await using net = await train(TWO_BLOCKS, DATA, { ...SETTINGS, ema: 0.9 });
  const { predictions, logits, bias, classMaps } = await net.explain(colourImage(DATA, 1));
  expect(predictions).toEqual(await net.predict(colourImage(DATA, 1)));
  const sums = [...logits].map((_, c) => meanOf(classMaps.data, classMaps.channels, c) + bias[c]!);
  expect(distance(sums, logits)).toBeLessThan(1e-5);
});
