import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { denseLayer, densenet } from '../../src/model/densenet.ts';
import {
  batchNorm,
  conv2d,
  denseBlock,
  dropout,
  type Module,
  maxPool,
  relu,
  sequential,
} from '../../src/model/module.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { type KernelRecord, kernelRecords } from '../../src/target/cpu/records.ts';
import {
  type CpuTargetOptions,
  cpuTarget,
  haveProducts,
  PRODUCTS,
  productsOf,
} from '../../src/target/cpu/target.ts';
import type { Precision } from '../../src/tensor/precision.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import { ENGINES, MISSING } from '../support/engines.ts';
import { bitsOfAll } from '../support/floats.ts';
import { moduleCase, runModuleCase } from '../support/module-run.ts';
import { activated, three } from '../support/modules.ts';
import { networkCase, runNetwork } from '../support/network-run.ts';
import { roundedTruth } from '../support/rounded-truth.ts';
import { meanErrors } from '../support/storage-rounding.ts';

/** A stem that is fused into one op, whose feature map is never stored. */
const stem = (channels: number, kernel: number) =>
  sequential([
    conv2d(channels, kernel, { stride: 2, padding: kernel >> 1 }),
    batchNorm(),
    relu(),
    maxPool(3, { stride: 2, padding: 1 }),
  ]);

/**
 * Direct convolutions of bfloat16 feature maps, compiled for each engine: dot products or tiles if the processor
 * has them (kernels/conv/operand.h), otherwise float32; the tolerances are the same.
 */
const CASES: readonly (readonly [name: string, module: Module, input: Shape])[] = [
  ['channels of whole tiles, rows of whole tiles', activated(three(32)), [1, 32, 6, 32]],
  ['rows longer than a tile, in several strips', activated(three(16)), [2, 48, 60, 35]],
  ['an odd number of channels, whose taps are padded', activated(three(23)), [3, 17, 9, 13]],
  ['outputs of several panels, the last of one vector', three(70, false), [2, 33, 11, 18]],
  ['a slice of the channels for each thread', activated(three(20)), [1, 130, 10, 9]],
  ['small maps, image by image', activated(three(24)), [40, 19, 5, 6]],
  ['maps of 3×3, more images than a tile has rows', three(40), [37, 48, 3, 3]],
  ['a stride, back through a dilated gradient', conv2d(24, 3, { padding: 1, stride: 2 }), [2, 32, 11, 15]],
  ['no padding', conv2d(17, 3), [2, 16, 12, 9]],
  ['a kernel of 5×5', activated(conv2d(18, 5, { padding: 2 })), [2, 20, 9, 14]],
  ['single pixels', activated(conv2d(130, 1)), [3, 40, 13, 11]],
  ['single pixels of 512 channels, a pitch of its own', activated(conv2d(16, 1)), [1, 512, 7, 7]],
  ['a map of one column', activated(three(16)), [2, 16, 9, 1]],
  ['few channels, whose rows are padded', activated(three(33)), [3, 5, 9, 14]],
  ['few channels, and fewer outputs, of small maps', three(7), [20, 6, 4, 5]],
  ['few channels and a stride', conv2d(20, 3, { padding: 1, stride: 2 }), [3, 3, 13, 11]],
  ['few channels and a stride of three', conv2d(16, 5, { padding: 2, stride: 3 }), [2, 2, 16, 19]],
  ['a stem of grey images', stem(64, 7), [3, 1, 40, 46]],
  ['a stem of colour images, an odd map', stem(24, 7), [3, 3, 27, 33]],
  ['a stem of many channels', stem(18, 3), [6, 20, 26, 30]],
  ['a stem in several strips', stem(70, 7), [1, 3, 120, 133]],
  ['dropout, then statistics', activated(three(18), dropout(0.3), batchNorm()), [3, 16, 9, 10]],
  [
    'slices of the buffer of a dense block, to whose gradients it adds',
    denseBlock([denseLayer(16), denseLayer(24), denseLayer(16)]),
    [3, 16, 18, 14],
  ],
];
const prepared = CASES.map(([name, module, input], i) => ({
  name,
  run: moduleCase(module, input, 900 + i, { precision: 'bf16', winograd: false }),
}));

const model = densenet({ blocks: [3, 2], growthRate: 18, stem: 24 });
const networkFor = (options: CpuTargetOptions, precision: Precision = 'bf16') =>
  compile(model, [28, 28], { train: { batch: 19, mode: 'train' } }, { precision, target: cpuTarget(options) })
    .network;
const recordsOf = (options: CpuTargetOptions, precision?: Precision) =>
  kernelRecords(networkFor(options, precision).programs.get('train')!.plan.records).map(
    ({ record }) => record,
  );
const isWinograd = ({ kind }: KernelRecord) => kind.startsWith('winograd');
/** Of weight gradients of maps; features N×F are float32 in every precision. */
const algorithmsOf = (options: CpuTargetOptions, precision?: Precision) =>
  new Set(
    recordsOf(options, precision).flatMap((record) =>
      record.kind === 'conv2dGradWeight' && record.in.height > 1 ? [record.algorithm] : [],
    ),
  );

test('plans for tiles have direct convolutions, only in bfloat16', () => {
  expect(recordsOf({}).some(isWinograd)).toBe(true);
  expect(recordsOf({ products: 'pairs' }).some(isWinograd)).toBe(true);
  expect(recordsOf({ products: 'tiles' }).some(isWinograd)).toBe(false);
  expect(recordsOf({ winograd: false }).some(isWinograd)).toBe(false);
  expect(recordsOf({ products: 'tiles' }, 'f32').some(isWinograd)).toBe(true);
});

test('weight gradients use dot products if the target has them, those of small maps only with tiles', () => {
  expect([...algorithmsOf({})].sort()).toEqual(['images', 'rows']);
  expect([...algorithmsOf({ products: 'pairs' })].sort()).toEqual(['images', 'pairs']);
  expect([...algorithmsOf({ products: 'tiles' })]).toEqual(['pairs']);
  expect([...algorithmsOf({ products: 'tiles' }, 'f32')].sort()).toEqual(['images', 'rows']);
  const few = moduleCase(conv2d(8, 3, { stride: 2 }), [2, 3, 20, 20], 1, { precision: 'bf16' });
  const strided = moduleCase(conv2d(8, 3, { stride: 2 }), [2, 16, 20, 20], 1, { precision: 'bf16' });
  const algorithm = ({ programs }: CompiledNetwork) =>
    kernelRecords(programs.get('step')!.plan.records).flatMap(({ record }) =>
      record.kind === 'conv2dGradWeight' ? [record.algorithm] : [],
    );
  expect(algorithm(few.networkFor(cpuTarget({ products: 'pairs' })))).toEqual(['pairsTapsApart']);
  expect(algorithm(strided.networkFor(cpuTarget({ products: 'tiles' })))).toEqual(['rows']);
});

test.each(ENGINES)('$name refuses programs for dot products that it lacks', async ({ open }) => {
  const engine = await open(1);
  const have = productsOf(engine.target)!;
  for (const products of PRODUCTS) {
    const opening = engine.open(networkFor({ products }));
    if (haveProducts(have, products)) await (await opening).close();
    else
      await expect(opening).rejects.toThrow(/compiled for .* bfloat16 .*compile it with the engine's target/);
  }
  await engine.close();
});

describe.each(ENGINES)('direct in bfloat16 on $name agrees with reference on', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open(2);
  });
  afterAll(() => engine.close());

  test.each(prepared)('$name', async (each) => {
    const { want, bounds } = await roundedTruth(each.run);
    const got = await runModuleCase(engine, each.run);
    for (const [name, error] of meanErrors(got, want)) expect(error, name).toBeLessThan(bounds.get(name)!);
  });

  test.each([true, false])('one thread and three to the bit, with Winograd: %s', async (winograd) => {
    const run = networkCase(networkFor({ products: productsOf(engine.target)!, winograd }), 77);
    const [one, three] = [await open(1), await open(3)];
    const [ofThree, ofOne] = [await runNetwork(three, run, 'train'), await runNetwork(one, run, 'train')];
    expect(bitsOfAll(ofThree)).toEqual(bitsOfAll(ofOne));
    await one.close();
    await three.close();
  });
});

// Unavailable instruction sets are reported as skipped, not passed.
test.skip.each(MISSING)('direct in bfloat16 on %s', () => {});
