import { describe, expect, test } from 'vitest';
import { type Compiled, compile } from '../../src/compile.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import type { Model } from '../../src/model/module.ts';
import { notes121AsPrinted } from '../../src/model/notes-121.ts';
import { resnet } from '../../src/model/resnet.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';
import type { Target } from '../../src/plan/target.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import type { Precision } from '../../src/tensor/precision.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { ENGINES } from '../support/engines.ts';
import { bitsOf } from '../support/floats.ts';
import { leastBytes } from '../support/least-bytes.ts';
import { numbers } from '../support/module-run.ts';
import { readBits } from '../support/read-state.ts';

const BATCH = 6;
const THREADS = 2;

/** Networks with everything that can be recomputed: stems, pooled transitions, bottlenecks, dropout, sums. */
const NOTES = densenet({ blocks: [2, 2], growthRate: 12, stem: 20 });
const NETWORKS: readonly (readonly [string, Model, number, Precision])[] = [
  ["the notes' network, smaller", NOTES, 32, 'f32'],
  ['the same stored in bfloat16', NOTES, 32, 'bf16'],
  [
    'a DenseNet-BC with dropout',
    cifarDensenet({ depth: 16, growthRate: 4, bottleneckWidth: 4, compression: 0.5, dropout: 0.2 }),
    12,
    'f32',
  ],
  ['a small ResNet', resnet({ stages: [16, 24] }), 32, 'f32'],
];

/** Three steps with momentum and clipping; returns the bits of state, gradients and losses. */
async function threeSteps(open: (typeof ENGINES)[number]['open'], { network, initializers }: Compiled) {
  const { graph } = network.programs.get('train')!;
  const [n, c, h, w] = graph.values[graph.inputs.get('images')!]!.shape as [number, number, number, number];
  const images = Float32Array.from({ length: n * c * h * w }, numbers(3));
  const labels = Int32Array.from({ length: n }, (_, i) => i % 10);
  const engine = await open(THREADS);
  const session = await engine.open(network);
  for (const [name, { shape }] of network.state) {
    const initializer = initializers.get(name); // The optimizer state starts with zeros.
    const count = elementCount(shape);
    session.write(name, initializer ? initialNumbers(1, name, count, initializer) : new Float32Array(count));
  }
  const bits: (readonly [string, string])[] = [];
  for (let step = 1; step <= 3; step++) {
    const scalars = { learningRate: 0.05, step, stepSeed: 77 * step };
    const outputs = await session.run('train', { images, labels }, scalars);
    bits.push([`loss ${step}`, bitsOf(outputs.get('loss')!)]);
  }
  bits.push(...(await readBits(session, network.layout.shapes.keys())));
  await engine.close();
  return bits;
}

function compiledFor(
  model: Model,
  size: number,
  precision: Precision,
  target: Target,
  bytes: number,
): Compiled {
  const programs = { train: { batch: BATCH, mode: 'train' } } as const;
  const optimizer = {
    kind: 'sgd',
    momentum: 0.9,
    nesterov: true,
    weightDecay: 1e-4,
    decayed: 'weights',
  } as const;
  return compile(model, [size, size], programs, {
    update: { optimizer, clipNorm: 5 },
    precision,
    target,
    memory: { bytes, threads: THREADS },
  });
}

describe.each(NETWORKS)('%s, with everything useful recomputed', (_, model, size, precision) => {
  const compiledForTarget = (target: Target) => {
    const within = (bytes: number) => compiledFor(model, size, precision, target, bytes);
    const least = leastBytes(within);
    return { target, least, kept: within(Number.POSITIVE_INFINITY), recomputed: within(least) };
  };
  const plain = compiledForTarget(cpuTarget());

  test('uses the memory named in the error, and less than with all results kept', () => {
    const { least, kept, recomputed } = plain;
    const planned = ({ network }: Compiled) =>
      plannedPeakBytes([network.programs.get('train')!.plan], THREADS);
    expect(planned(recomputed)).toBeLessThanOrEqual(least);
    expect(least).toBeLessThan(planned(kept));
    expect(recomputed.candidates!.at(-1)!.groups.length).toBeGreaterThan(0);
    expect(kept.candidates!.at(-1)!.groups).toEqual([]);
  });

  test.each(ENGINES)('changes no bit of three steps on $name', async ({ open }) => {
    const engine = await open(1);
    const { target } = engine;
    await engine.close();
    const { kept, recomputed } = target.name === plain.target.name ? plain : compiledForTarget(target);
    const expected = await threeSteps(open, kept);
    const got = await threeSteps(open, recomputed);
    expect(got).toEqual(expected);
  });
});

test("the notes' mistaken 121 is planned in a tenth of what keeping everything takes", () => {
  const model = notes121AsPrinted({});
  const programs = { train: { batch: 64, mode: 'train' } } as const;
  const memory = { bytes: 3 * 2 ** 30, threads: THREADS };
  const { candidates } = compile(model, [96, 96], programs, { memory });
  const [first, last] = [candidates![0]!, candidates!.at(-1)!];
  expect(last.plan.transientBytes).toBeLessThan(first.plan.transientBytes / 10);
  expect(last.predictedSeconds).toBeLessThan(1.25 * first.predictedSeconds);
});
