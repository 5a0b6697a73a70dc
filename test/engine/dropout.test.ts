import { describe, expect, test } from 'vitest';
import { compile, compileGraph, stateOf } from '../../src/compile.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { dropout } from '../../src/model/module.ts';
import { traceModule } from '../../src/model/trace.ts';
import { bufferName } from '../../src/plan/buffers.ts';
import { layOutState, type Plan } from '../../src/plan/plan.ts';
import { kernelRecords } from '../../src/target/cpu/records.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import { streamOf, uniform } from '../../src/tensor/random.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';
import { readBits } from '../support/read-state.ts';

const [N, C, H, W] = [3, 21, 7, 9];
const RATE = 0.3;

/** Dropout applied to ones, in the order N, C, H, W. */
async function ofOnes(engine: Engine, stepSeed: number) {
  const { graph } = traceModule(dropout(RATE), [N, C, H, W], 'train');
  const state = stateOf(graph);
  const layout = layOutState(state, false, cpuTarget());
  const session = await engine.open({
    state,
    layout,
    programs: new Map([['run', compileGraph(graph, layout)]]),
  });
  const ones = new Float32Array(N * C * H * W).fill(1);
  const y = (await session.run('run', { x: ones }, { learningRate: 0, stepSeed })).get('y')!;
  await session.close();
  const at = (i: number) => {
    const [n, c, pixel] = [Math.floor(i / (C * H * W)), Math.floor(i / (H * W)) % C, i % (H * W)];
    return y[(n * H * W + pixel) * C + c]!;
  };
  return Float32Array.from({ length: y.length }, (_, i) => at(i));
}

describe.each([REFERENCE, ...ENGINES])('dropout on $name', ({ open }) => {
  test('drops elements by the random numbers of its layer, in the order N, C, H, W', async () => {
    const engine = await open();
    for (const seed of [0, 5, 2 ** 32 - 1]) {
      const kept = Float32Array.from({ length: N * C * H * W }, (_, i) =>
        uniform(seed, streamOf('dropout.'), i) < RATE ? 0 : 1 / (1 - RATE),
      );
      const share = kept.filter((value) => value === 0).length / kept.length;
      expect(Math.abs(share - RATE)).toBeLessThan(0.03);
      expect(await ofOnes(engine, seed)).toEqual(kept);
    }
    await engine.close();
  });
});

const model = cifarDensenet({
  depth: 16,
  growthRate: 5,
  bottleneckWidth: 4,
  compression: 0.5,
  dropout: 0.2,
});
const BATCH = 9;
const { network, initializers } = compile(model, [12, 12], {
  train: { batch: BATCH, mode: 'train' },
  evaluate: { batch: BATCH, mode: 'evaluate' },
});

async function trained(engine: Engine, seeds: readonly number[]) {
  const random = numbers(3);
  const images = Float32Array.from({ length: BATCH * 144 * 3 }, random);
  const labels = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
  const session = await engine.open(network);
  for (const [name, { shape }] of network.state)
    session.write(name, initialNumbers(1, name, elementCount(shape), initializers.get(name)!));
  for (const stepSeed of seeds)
    await session.run('train', { images, labels }, { learningRate: 0.1, stepSeed });
  const bits = await readBits(session, network.state.keys());
  await session.close();
  await engine.close();
  return bits;
}

describe.each(ENGINES)('training with dropout on $name', ({ open }) => {
  test('gives the same bits on one, two and three threads, and others with other seeds', async () => {
    const one = await trained(await open(1), [1, 2, 3]);
    expect(await trained(await open(2), [1, 2, 3])).toEqual(one);
    expect(await trained(await open(3), [1, 2, 3])).toEqual(one);
    expect(await trained(await open(1), [1, 2, 4])).not.toEqual(one);
  });
});

describe('the plan of a step with dropout', () => {
  const { plan } = network.programs.get('train')!;
  const records = kernelRecords(plan.records).map(({ record }) => record);
  /** Two convolutions in each of 3 · 2 layers, and two transitions. */
  const DROPPED = 3 * 2 * 2 + 2;

  test('drops while a convolution writes, after every one but the first, and masks each gradient once', () => {
    const convs = records.filter((record) => record.kind === 'conv2d' || record.kind === 'winograd');
    expect(convs.filter((conv) => conv.dropout.threshold > 0)).toHaveLength(DROPPED);
    expect(convs[0]!.dropout.threshold).toBe(0);
    expect(new Set(convs.map((conv) => conv.dropout.stream)).size).toBe(DROPPED + 1);
    const gradients = records.filter((record) => record.kind === 'dropout');
    expect(gradients).toHaveLength(DROPPED);
    const first = records.findIndex((record) => record.kind === 'crossEntropyGrad');
    expect(records.findIndex((record) => record.kind === 'dropout')).toBeGreaterThan(first);
    expect(records.filter((record) => record.kind === 'statistics')).toEqual([]);
  });

  test('stores no mask: apart from gradients it has only the buffers of a step without dropout', () => {
    const plain = compile(
      cifarDensenet({ depth: 16, growthRate: 5, bottleneckWidth: 4, compression: 0.5 }),
      [12, 12],
      {
        train: { batch: BATCH, mode: 'train' },
      },
    ).network.programs.get('train')!.plan;
    const namesOf = ({ buffers }: Plan) => buffers.map(({ content }) => bufferName(content));
    const names = new Set(namesOf(plain));
    const more = namesOf(plan).filter((name) => !names.has(name));
    // A transition with dropout convolves before pooling, so intermediate values have other names.
    expect(more.filter((name) => !/dropoutGradInput|transition/.test(name))).toEqual([]);
  });

  test('has no dropout in an evaluation', () => {
    const evaluation = kernelRecords(network.programs.get('evaluate')!.plan.records);
    const convs = evaluation.flatMap(({ record }) => (record.kind === 'conv2d' ? [record] : []));
    expect(convs.every(({ dropout: { threshold } }) => threshold === 0)).toBe(true);
    expect(evaluation.some(({ record }) => record.kind === 'dropout')).toBe(false);
  });
});

test('a rate that drops everything, or less than nothing, is refused', () => {
  for (const rate of [1, -0.1, Number.NaN]) expect(() => dropout(rate)).toThrow(/expected 0 ≤ rate < 1/);
});
