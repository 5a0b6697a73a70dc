import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { denseLayer, densenet } from '../../src/model/densenet.ts';
import { batchNorm, denseBlock, dropout, type Module, relu, sequential } from '../../src/model/module.ts';
import type { CompiledProgram } from '../../src/plan/compiled-network.ts';
import { kernelRecords } from '../../src/target/cpu/records.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import { reductionLength, tolerance } from '../conformance/tolerances.ts';
import { errors } from '../support/compare.ts';
import { ENGINES, MISSING } from '../support/engines.ts';
import { bitsOfAll } from '../support/floats.ts';
import { moduleCase, type Results, runModuleCase } from '../support/module-run.ts';
import { activated, three } from '../support/modules.ts';
import { networkCase, runNetwork } from '../support/network-run.ts';
import { roundedTruth } from '../support/rounded-truth.ts';
import { meanErrors } from '../support/storage-rounding.ts';

/** Forward, statistics and gradients on maps with at least nine 4×4 tiles. */
const CASES: readonly (readonly [name: string, module: Module, input: Shape])[] = [
  ['whole tiles, as many channels as a vector has', three(16), [1, 16, 12, 12]],
  ['tiles that reach out of the map, channels beyond a vector', three(23), [3, 17, 9, 13]],
  ['a batch norm and a ReLU on the way in', activated(three(12)), [2, 33, 11, 18]],
  [
    'statistics of the outputs, and the correction of their gradient',
    sequential([three(70, false), batchNorm(), relu(), three(20)]),
    [5, 40, 10, 11],
  ],
  ['dropout before the statistics', activated(three(18), dropout(0.3), batchNorm()), [3, 16, 9, 10]],
  ['more images than chunks, in strips across images', activated(three(24), batchNorm()), [37, 19, 9, 9]],
  ['256 channels, whose pixels would share sets of a cache', activated(three(33)), [2, 256, 9, 9]],
  [
    'slices of the buffer of a dense block, to whose gradients it adds',
    denseBlock([denseLayer(12), denseLayer(20), denseLayer(16)]),
    [3, 16, 18, 14],
  ],
];

const prepare = (precision: 'f32' | 'bf16') =>
  CASES.map(([name, module, input], i) => ({
    name,
    run: moduleCase(module, input, 700 + i, { precision }),
  }));
const kept = prepare('f32');
const rounded = prepare('bf16');

/** 7×7 and 6×6 maps have four tiles; 3×3 maps have one mostly empty tile and use direct convolution. */
const NETWORKS = ([28, 24] as const).map((size, i) => {
  const model = densenet({ blocks: [3, 2], growthRate: 12, stem: 20 });
  const { network } = compile(model, [size, size], { train: { batch: 9, mode: 'train' } });
  return { name: `a network of maps of ${size / 4} and 3`, ...networkCase(network, 40 + i) };
});

/** The results in float64, computed once for all engines. */
const exact = new Map<object, Promise<Results>>();
function exactOf(each: object, compute: () => Promise<Results>): Promise<Results> {
  const found = exact.get(each) ?? compute();
  exact.set(each, found);
  return found;
}

const kindsOf = ({ plan }: CompiledProgram) =>
  new Set([...plan.prepare, ...plan.records].map(({ record }) => record.kind));

test.each([...kept, ...rounded])('is planned for both directions: $name', ({ run }) => {
  const kinds = kindsOf(run.network.programs.get('step')!);
  for (const kind of ['winograd', 'winogradGradInput'] as const) expect(kinds).toContain(kind);
  for (const kind of ['conv2d', 'conv2dGradInput'] as const) expect(kinds).not.toContain(kind);
});

test.each(NETWORKS)('is planned for the larger maps of $name', ({ network }) => {
  const records = kernelRecords(network.programs.get('train')!.plan.records);
  const heights = (...kinds: readonly string[]) =>
    new Set(
      records.flatMap(({ record }) =>
        kinds.includes(record.kind) && 'in' in record ? record.in.height : [],
      ),
    );
  const [larger] = [...heights('winograd')];
  expect([6, 7]).toContain(larger);
  expect(heights('winograd', 'winogradGradInput').size).toBe(1);
  expect(heights('conv2d')).toContain(3);
});

describe.each(ENGINES)('a step by Winograd on $name agrees with reference on', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open(2);
  });
  afterAll(() => engine.close());

  test.each(kept)('$name', async ({ run }) => {
    const want = await exactOf(run, () => runModuleCase(createReferenceEngine(), run));
    const got = await runModuleCase(engine, run);
    const limit = tolerance(reductionLength(run.network));
    for (const [name, error] of errors(got, want)) expect(error, name).toBeLessThan(limit);
  });

  test.each(rounded)('$name, stored in bfloat16', async ({ run }) => {
    const { want, bounds } = await roundedTruth(run);
    const got = await runModuleCase(engine, run);
    for (const [name, error] of meanErrors(got, want)) expect(error, name).toBeLessThan(bounds.get(name)!);
  });

  test.each(NETWORKS)('$name', async (each) => {
    const want = await exactOf(each, () => runNetwork(createReferenceEngine(), each, 'train'));
    const got = await runNetwork(engine, each, 'train');
    const limit = tolerance(reductionLength(each.network));
    for (const [name, error] of errors(got, want)) expect(error, name).toBeLessThan(limit);
  });
});

describe.each(ENGINES)('a step by Winograd on $name', ({ open }) => {
  test.each([...kept, ...rounded])('has the same bits with one and three threads: $name', async ({ run }) => {
    const [one, three] = [await open(1), await open(3)];
    expect(bitsOfAll(await runModuleCase(three, run))).toEqual(bitsOfAll(await runModuleCase(one, run)));
    await one.close();
    await three.close();
  });
});

// Unavailable instruction sets are reported as skipped, not passed.
test.skip.each(MISSING)('%s agrees with reference', () => {});
