import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { ENGINES, WASM } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';
import { readBits } from '../support/read-state.ts';

const model = densenet({ blocks: [2, 3], growthRate: 12, stem: 20 });
const { network, initializers } = compile(model, [40, 40], { train: { batch: 19, mode: 'train' } });
const random = numbers(1);
const images = Float32Array.from({ length: 19 * 40 * 40 }, random);
const labels = Int32Array.from({ length: 19 }, (_, i) => i % 10);

async function threeSteps(open: (typeof ENGINES)[number]['open'], threads: number) {
  const engine = await open(threads);
  expect(engine.threads).toBe(threads);
  const session = await engine.open(network);
  for (const [name, { shape }] of network.state) {
    session.write(name, initialNumbers(1, name, elementCount(shape), initializers.get(name)!));
  }
  for (let step = 0; step < 3; step++) await session.run('train', { images, labels }, { learningRate: 0.1 });
  const state = await readBits(session, network.state.keys());
  await engine.close();
  return state;
}

describe.each(ENGINES)('on $name', ({ open }) => {
  test('one, two and three threads give the same bits', async () => {
    const [one, two, three] = [
      await threeSteps(open, 1),
      await threeSteps(open, 2),
      await threeSteps(open, 3),
    ];
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });
});

test('two networks open in one engine do not disturb each other', async () => {
  const { open } = ENGINES[0]!;
  const alone = await threeSteps(open, 2);
  const engine = await open(2);
  const sessions = [await engine.open(network), await engine.open(network)];
  for (const session of sessions) {
    for (const [name, { shape }] of network.state) {
      session.write(name, initialNumbers(1, name, elementCount(shape), initializers.get(name)!));
    }
  }
  for (let step = 0; step < 3; step++) {
    for (const session of sessions) await session.run('train', { images, labels }, { learningRate: 0.1 });
  }
  for (const session of sessions) expect(await readBits(session, alone.keys())).toEqual(alone);
  await engine.close();
});

test('two engines in one process do not disturb each other', async () => {
  const { open } = ENGINES.at(-1)!;
  const alone = await threeSteps(open, 2);
  const [one, two] = await Promise.all([threeSteps(open, 2), threeSteps(open, 2)]);
  expect(one).toEqual(alone);
  expect(two).toEqual(alone);
});

test('memory that cannot be allocated is an error with a message', async () => {
  const engine = await WASM[0]!.open(1);
  const huge = compile(densenet(), [512, 512], { train: { batch: 256, mode: 'train' } });
  await expect(engine.open(huge.network)).rejects.toThrow(/needs .* GiB, the wasm engine has 4.00/);
  await engine.close();
});
