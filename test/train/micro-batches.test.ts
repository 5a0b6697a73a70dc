import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile, type TrainingOptions } from '../../src/compile.ts';
import { type Engine, NonFiniteError } from '../../src/engine/engine.ts';
import { PLAIN_SGD } from '../../src/graph/optimizer.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { densenet } from '../../src/model/densenet.ts';
import { everythingBut } from '../../src/model/freeze.ts';
import {
  conv2d,
  denseBlock,
  dropout,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  maxPool,
  relu,
  sequential,
} from '../../src/model/module.ts';
import { resnet } from '../../src/model/resnet.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { programsFor, stepParts } from '../../src/train/programs.ts';
import { runStep, type StepResult } from '../../src/train/step.ts';
import { errors, relativeError } from '../support/compare.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { bitsOfAll } from '../support/floats.ts';
import { numbers, type Results } from '../support/module-run.ts';
import { networkCase } from '../support/network-run.ts';

const SIZE = 12;
const BATCH = 11;

const layer = () => sequential([conv2d(5, 3, { padding: 1 }), dropout(0.3), relu()]);
const withoutNorm: Model = {
  name: 'no batch norm',
  channels: 2,
  classes: 5,
  root: sequential([
    conv2d(6, 3, { padding: 1 }),
    relu(),
    maxPool(2),
    denseBlock([layer(), layer()]),
    globalAvgPool(),
    flatten(),
    linear(5),
  ]),
};
/** A fused stem, dense blocks, dropout, residual sums. */
const withNorm: readonly Model[] = [
  densenet({ name: 'dense', channels: 2, blocks: [2, 1], growthRate: 5, stem: 6, classes: 5 }),
  cifarDensenet({ depth: 10, growthRate: 4, channels: 2, classes: 5, dropout: 0.2 }),
  resnet({ name: 'residual', channels: 2, classes: 5, stages: [6, 9], residuals: 1 }),
];
const everything: TrainingOptions = {
  labelSmoothing: 0.1,
  update: {
    optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.01, decayed: 'all' },
    clipNorm: 0.1,
    averageDecay: 0.9,
  },
};

function batchOf(size: number, seed: number) {
  const random = numbers(seed);
  const images = new Float32Array(size * SIZE * SIZE * 2).map(() => 2 * random() - 0.8);
  return { size, images, labels: Int32Array.from({ length: size }, (_, i) => (3 * i + seed) % 5) };
}

function networkOf(
  model: Model,
  microBatch: number | undefined,
  training: TrainingOptions,
  frozen: readonly string[] = [],
): CompiledNetwork {
  const programs = programsFor('train', { count: BATCH, batch: BATCH, microBatch }, { frozen });
  return compile(model, [SIZE, SIZE], programs, training).network;
}

interface Taken {
  /** `grad.NAME` of the last step, and the state as `after.NAME`. */
  readonly numbers: Results;
  readonly told: readonly StepResult[];
}

/** Runs steps on different batches, from the same state for all micro-batch sizes. */
async function take(
  engine: Engine,
  model: Model,
  microBatch: number | undefined,
  steps = 2,
  training = everything,
  frozen: readonly string[] = [],
): Promise<Taken> {
  const { network, state } = networkCase(networkOf(model, microBatch, training, frozen), 4);
  const session = await engine.open(network);
  for (const [name, data] of state) session.write(name, data);
  const told: StepResult[] = [];
  for (let step = 1; step <= steps; step++) {
    const scalars = { learningRate: 0.1, step, stepSeed: 77 * step };
    told.push(await runStep({ session, network, microBatch }, batchOf(BATCH, step), scalars));
  }
  const results = new Map<string, Float32Array | Float64Array>();
  for (const [name, { role }] of network.state) {
    results.set(`after.${name}`, await session.read(name));
    const isTrained = role === 'parameter' && network.layout.shapes.has(`grad.${name}`);
    if (isTrained) results.set(`grad.${name}`, await session.read(`grad.${name}`));
  }
  await session.close();
  return { numbers: results, told };
}

describe('the parts of a batch', () => {
  test('are as few as possible, nearly equal, and consecutive in the batch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 600 }), (size, microBatch) => {
        const parts = stepParts(size, microBatch);
        expect(parts.length).toBe(Math.ceil(size / microBatch));
        const images = parts.map((part) => part.images);
        expect(Math.max(...images)).toBeLessThanOrEqual(microBatch);
        expect(Math.max(...images) - Math.min(...images)).toBeLessThanOrEqual(1);
        let next = 0;
        for (const { first, images: count } of parts) {
          expect(first).toBe(next);
          next += count;
        }
        expect(next).toBe(size);
      }),
    );
  });

  test('use few programs, for any number of parts, and one part is the plain step', () => {
    expect(Object.keys(programsFor('train', { count: 1000, batch: 250, microBatch: 7 }))).toEqual([
      'train 6 of 250, first',
      'train 7 of 250, middle',
      'train 6 of 250, middle',
      'train 7 of 250, last',
    ]);
    const plain = networkOf(withNorm[0]!, undefined, {}).programs;
    expect([...plain.keys()]).toEqual(['train 11']);
    expect(networkOf(withNorm[0]!, BATCH, {}).programs).toEqual(plain);
  });
});

describe('in float64', () => {
  test.each([6, 5, 2, 1])(
    'without batch norm, steps in parts of at most %d images are steps of the whole batch, dropout and all',
    async (microBatch) => {
      const [whole, parts] = [
        await take(await REFERENCE.open(), withoutNorm, undefined),
        await take(await REFERENCE.open(), withoutNorm, microBatch),
      ];
      for (const [name, error] of errors(parts.numbers, whole.numbers))
        expect(error, name).toBeLessThan(1e-12);
      for (const [i, { loss, correct }] of whole.told.entries()) {
        expect(Math.abs(parts.told[i]!.loss / loss - 1)).toBeLessThan(1e-12);
        expect(parts.told[i]!.correct).toBe(correct);
      }
    },
  );

  test.each(withNorm)('with batch norm they equal those of a handwritten loop: $name', async (model) => {
    const microBatch = 4;
    const { labelSmoothing } = everything;
    const got = await take(await REFERENCE.open(), model, microBatch, 1, { labelSmoothing: labelSmoothing! });

    const parts = stepParts(BATCH, microBatch);
    const programs = Object.assign(
      {},
      ...parts.map(({ images }) => programsFor('train', { count: images, batch: images })),
    );
    const { network } = compile(model, [SIZE, SIZE], programs, {
      labelSmoothing: labelSmoothing!,
      update: PLAIN_SGD,
    });
    const { state } = networkCase(network, 4);
    const session = await (await REFERENCE.open()).open(network);
    for (const [name, data] of state) session.write(name, data);
    const { images, labels } = batchOf(BATCH, 1);
    const sums = new Map<string, Float64Array>();
    let [loss, correct] = [0, 0];
    for (const { first, images: count } of parts) {
      const floats = images.length / BATCH;
      const inputs = {
        images: images.slice(first * floats, (first + count) * floats),
        labels: labels.slice(first, first + count),
      };
      // With a learning rate of 0 only the running statistics change.
      const scalars = { learningRate: 0, stepSeed: 77, firstImage: first };
      const outputs = await session.run(`train ${count}`, inputs, scalars);
      loss += (outputs.get('loss')![0]! * count) / BATCH;
      correct += outputs.get('correct')![0]!;
      for (const [name, { role, shape }] of network.state) {
        if (role !== 'parameter') continue;
        const sum = sums.get(name) ?? new Float64Array(elementCount(shape));
        sums.set(name, sum);
        (await session.read(`grad.${name}`)).forEach((each, i) => {
          sum[i]! += (each * count) / BATCH;
        });
      }
    }
    const want = new Map<string, Float64Array>();
    for (const [name, { role }] of network.state) {
      const now = Float64Array.from(await session.read(name));
      const sum = sums.get(name);
      if (role === 'parameter') want.set(`grad.${name}`, sum!);
      want.set(`after.${name}`, sum ? now.map((each, i) => each - 0.1 * sum[i]!) : now);
    }
    for (const [name, error] of errors(got.numbers, want)) expect(error, name).toBeLessThan(1e-12);
    expect(Math.abs(got.told[0]!.loss / loss - 1)).toBeLessThan(1e-12);
    expect(got.told[0]!.correct).toBe(correct);

    const whole = await take(await REFERENCE.open(), model, undefined, 1, {
      labelSmoothing: labelSmoothing!,
    });
    expect(Math.max(...errors(got.numbers, whole.numbers).values())).toBeGreaterThan(0.01);
  });
});

test.each([4, 1])('with a frozen body, parts of %d images are a step of the whole batch', async (most) => {
  const frozen = everythingBut(withNorm[0]!, '8');
  const whole = await take(await REFERENCE.open(), withNorm[0]!, undefined, 2, everything, frozen);
  const parts = await take(await REFERENCE.open(), withNorm[0]!, most, 2, everything, frozen);
  expect([...whole.numbers.keys()].filter((name) => name.startsWith('grad'))).toEqual([
    'grad.8.weight',
    'grad.8.bias',
  ]);
  for (const [name, error] of errors(parts.numbers, whole.numbers)) expect(error, name).toBeLessThan(1e-12);
});

describe.each(ENGINES)('on $name', ({ open }) => {
  test.each([withoutNorm, ...withNorm])('steps in parts are those of reference: $name', async (model) => {
    const want = await take(await REFERENCE.open(), model, 4);
    const engine = await open();
    const got = await take(engine, model, 4);
    await engine.close();
    for (const [name, error] of errors(got.numbers, want.numbers)) expect(error, name).toBeLessThan(1e-4);
    expect(
      relativeError(
        got.told.map(({ loss }) => loss),
        want.told.map(({ loss }) => loss),
      ),
    ).toBeLessThan(1e-5);
    expect(got.told.map(({ correct }) => correct)).toEqual(want.told.map(({ correct }) => correct));
  });

  test('one, two and three threads give the same bits', async () => {
    const [one, two, three] = [await open(1), await open(2), await open(3)];
    const bits = async (engine: Engine) => {
      const taken = await take(engine, withNorm[1]!, 3);
      return { ...taken, numbers: bitsOfAll(taken.numbers) };
    };
    const ofOne = await bits(one);
    expect(await bits(two)).toEqual(ofOne);
    expect(await bits(three)).toEqual(ofOne);
    for (const engine of [one, two, three]) await engine.close();
  });

  test('gradients of parts whose sum overflows are an error, and change nothing', async () => {
    const root = sequential([conv2d(1, 1, { bias: false }), flatten(), linear(2)]);
    const model = { name: 'sum', channels: 1, classes: 2, root };
    const programs = programsFor('train', { count: 2, batch: 2, microBatch: 1 });
    const { network } = compile(model, [2, 2], programs);
    const engine = await open();
    const session = await engine.open(network);
    // Logits are 0, and the gradient of the convolution's weight is −½ of the sum of the pixels.
    session.write('0.weight', [0]);
    session.write('2.weight', [1, 1, 1, 1, -1, -1, -1, -1]);
    session.write('2.bias', [0, 0]);
    const batchOfPixels = (pixel: number) => ({
      size: 2,
      images: new Float32Array(8).fill(pixel),
      labels: Int32Array.of(0, 0),
    });
    const target = { session, network, microBatch: 1 };
    await runStep(target, batchOfPixels(3e37), { learningRate: 0 });
    expect((await session.read('grad.0.weight'))[0]! / -1.2e38).toBeCloseTo(1, 5);
    const beyond = runStep(target, batchOfPixels(1e38), { learningRate: 1 });
    await expect(beyond).rejects.toThrow(/NaN or infinity in the gradient of layer 0 conv2d/);
    expect((await session.read('0.weight'))[0]).toBe(0);
    await engine.close();
  });
});

describe.each([REFERENCE, ...ENGINES])('NaN in a part on $name', ({ open }) => {
  test.each([0, 5, 10])(
    'leaves the state as it was, and no trace in the next step: image %d',
    async (image) => {
      const model = withNorm[0]!;
      const microBatch = 4;
      const { network, state } = networkCase(networkOf(model, microBatch, everything), 4);
      const engine = await open();
      const session = await engine.open(network);
      for (const [name, data] of state) session.write(name, data);
      const target = { session, network, microBatch };
      const spoilt = batchOf(BATCH, 3);
      spoilt.images[image * SIZE * SIZE * 2 + 17] = Number.NaN;
      const failed = runStep(target, spoilt, { learningRate: 0.1 });
      await expect(failed).rejects.toBeInstanceOf(NonFiniteError);
      for (const [name, data] of state)
        expect(Float32Array.from(await session.read(name)), name).toEqual(data);

      await runStep(target, batchOf(BATCH, 1), { learningRate: 0.1, step: 1, stepSeed: 77 });
      const { numbers: want } = await take(engine, model, microBatch, 1);
      for (const name of state.keys()) {
        expect(await session.read(name), name).toEqual(want.get(`after.${name}`));
      }
      await engine.close();
    },
  );
});

test("the planned memory of the notes' step falls with the micro-batch", () => {
  const planned = [256, 128, 64, 16].map((microBatch) => {
    const programs = programsFor('train', { count: 256, batch: 256, microBatch });
    const { network } = compile(densenet(), [96, 96], programs);
    const plans = [...network.programs.values()].map(({ plan }) => plan);
    return plannedPeakBytes(plans, 2);
  });
  const [whole, half, quarter, sixteenth] = planned as [number, number, number, number];
  expect(half / whole).toBeLessThan(0.6);
  expect(quarter / whole).toBeLessThan(0.35);
  expect(sixteenth / whole).toBeLessThan(0.2);
});
