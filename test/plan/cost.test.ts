import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import type { Cost } from '../../src/plan/target.ts';
import { costOf } from '../../src/target/cpu/cost.ts';
import {
  type BufferId,
  type KernelRecord,
  kernelRecords,
  type RecordKind,
} from '../../src/target/cpu/records.ts';

const BATCH = 3;
/** Multiply-adds of the notes' network at 96×96 per image by definition of the model (computed with PyTorch). */
const MODEL_MACS = 129_077_168;
/** 1×1 convolutions of the transitions, on maps of 24², 12², 6²; pooling first reduces them to a quarter. */
const TRANSITION_MACS = 24 * 24 * 192 * 96 + 12 * 12 * 224 * 112 + 6 * 6 * 240 * 120;
const FORWARD_MACS = MODEL_MACS - TRANSITION_MACS * (3 / 4);
/**
 * Dense layers with Winograd on maps of 24², 12², 6²: width, number of 4×4 tiles, total channels; 36 products per
 * tile.
 */
const FILTERED = [
  [24, 36, 64 + 96 + 128 + 160],
  [12, 9, 96 + 128 + 160 + 192],
  [6, 4, 112 + 144 + 176 + 208],
] as const;
const FILTERED_MACS = 32 * FILTERED.reduce((sum, [width, , channels]) => sum + 9 * width ** 2 * channels, 0);
const TILE_MACS = 32 * FILTERED.reduce((sum, [, tiles, channels]) => sum + 36 * tiles * channels, 0);
/** On 3×3 maps the taps in the padding, 2 of 9 along an axis, are skipped. */
const PADDING_MACS = 9 * 32 * 9 * (120 + 152 + 184 + 216) * (1 - (7 / 9) ** 2);
/** The stem, which has no input gradient. */
const STEM_MACS = 48 * 48 * 7 * 7 * 64;
const DIRECT_MACS = FORWARD_MACS - STEM_MACS - FILTERED_MACS - PADDING_MACS;

const { network } = compile(densenet(), [96, 96], { train: { batch: BATCH, mode: 'train' } });
const records = kernelRecords(network.programs.get('train')!.plan.records).map(({ record }) => record);

function costs(kind: RecordKind): Cost {
  const all = records.filter((record) => record.kind === kind).map(costOf);
  const sum = (of: (cost: Cost) => number) => all.reduce((total, cost) => total + of(cost), 0);
  return { flops: sum(({ flops }) => flops), bytes: sum(({ bytes }) => bytes) };
}

describe("the cost of the notes' training step", () => {
  test("is the model's multiplications, less what pooling before a 1×1 convolution saves", () => {
    expect(FORWARD_MACS).toBe(117_627_440);
    const comparisons = 9 * 24 * 24 * 64;
    const forward = costs('conv2d').flops + costs('pointwise').flops;
    expect(forward).toBeCloseTo(2 * BATCH * DIRECT_MACS, 3);
    expect(costs('winograd').flops).toBe(2 * BATCH * TILE_MACS);
    expect(costs('conv2dMaxPool').flops).toBe(BATCH * (2 * STEM_MACS + comparisons));
  });

  test('is doubled for the backward pass by weights and inputs; for the stem, by its recomputation instead of the latter', () => {
    // The weight gradient does not use Winograd, and also skips the padding of 6×6 maps: 2 of 18 taps along an
    // axis.
    const padding6 = 9 * 32 * 36 * (112 + 144 + 176 + 208) * (1 - (16 / 18) ** 2);
    expect(costs('conv2dGradWeight').flops).toBeCloseTo(
      2 * BATCH * (DIRECT_MACS + FILTERED_MACS - padding6),
      3,
    );
    expect(costs('conv2dMaxPoolGradWeight').flops).toBe(2 * BATCH * 2 * STEM_MACS);
    expect(costs('conv2dGradInput').flops).toBeCloseTo(2 * BATCH * DIRECT_MACS, 3);
    expect(costs('winogradGradInput').flops).toBe(2 * BATCH * TILE_MACS);
  });

  test('touches every parameter three times to replace it', () => {
    expect(costs('sgd')).toEqual({ flops: 2 * 758_226, bytes: 3 * 4 * 758_226 });
    expect(records.filter(({ kind }) => kind === 'sgd').length).toBe(1);
  });

  test('is finite and not negative, and every record moves bytes', () => {
    for (const record of records) {
      const { flops, bytes } = costOf(record);
      expect([record.kind, Number.isFinite(flops) && flops >= 0, bytes > 0]).toEqual([
        record.kind,
        true,
        true,
      ]);
    }
  });
});

const id = (n: number) => n as BufferId;
const view = { address: id(0), offset: 0, stride: 16, elementBytes: 4 };
const absent = { address: undefined, offset: 0, stride: 0, elementBytes: 4 };
const size = (height: number, channels: number) => ({ images: 2, height, width: height, channels });
const window = {
  kernelHeight: 3,
  kernelWidth: 3,
  strideHeight: 2,
  strideWidth: 2,
  paddingHeight: 1,
  paddingWidth: 1,
};
const prologue = { scale: id(1), shift: id(2), relu: 1 };
const corrected = { gradient: view, x: view, slope: id(3), intercept: id(4) };
const plain = { gradient: view, x: absent, slope: undefined, intercept: undefined };

describe('by hand', () => {
  // Maps of 2 images: 8×8×5 in, 4×4×7 out.
  const [inFloats, outFloats, weightFloats] = [2 * 64 * 5, 2 * 16 * 7, 9 * 5 * 7];

  test.each<[string, KernelRecord, Cost]>([
    [
      'a strided convolution: padding counts, tails of channels do not',
      {
        kind: 'conv2d',
        chunks: 2,
        dropout: { threshold: 0, stream: 0, scale: 1 },
        x: view,
        in: size(8, 5),
        prologue,
        window,
        packed: id(5),
        bias: absent,
        relu: 0,
        y: view,
        out: size(4, 7),
        statistics: undefined,
        leaves: 1,
        stripImages: 1,
        stripRows: 4,
      },
      { flops: 2 * outFloats * 9 * 5, bytes: 4 * (inFloats + weightFloats + outFloats) },
    ],
    [
      'the same of maps in bfloat16: they move half the bytes, the weights do not',
      {
        kind: 'conv2d',
        chunks: 2,
        dropout: { threshold: 0, stream: 0, scale: 1 },
        x: { ...view, elementBytes: 2 },
        in: size(8, 5),
        prologue,
        window,
        packed: id(5),
        bias: absent,
        relu: 0,
        y: { ...view, elementBytes: 2 },
        out: size(4, 7),
        statistics: undefined,
        leaves: 1,
        stripImages: 1,
        stripRows: 4,
      },
      { flops: 2 * outFloats * 9 * 5, bytes: 2 * inFloats + 4 * weightFloats + 2 * outFloats },
    ],
    [
      'its input gradient, zeros between strides included: reads gradient, x of the correction, x; adds',
      {
        kind: 'conv2dGradInput',
        chunks: 2,
        gradOutput: corrected,
        out: size(4, 7),
        window,
        packed: id(5),
        x: view,
        in: size(8, 5),
        prologue,
        gradInput: { gradient: view, accumulate: 1, mean: absent, sums: id(6) },
        leaves: 1,
        stripImages: 1,
        stripRows: 4,
      },
      { flops: 2 * inFloats * 9 * 7, bytes: 4 * (2 * outFloats + weightFloats + 3 * inFloats) },
    ],
    [
      'an input gradient without prologue only writes',
      {
        kind: 'conv2dGradInput',
        chunks: 2,
        gradOutput: plain,
        out: size(4, 7),
        window,
        packed: id(5),
        x: view,
        in: size(8, 5),
        prologue: { scale: undefined, shift: undefined, relu: 0 },
        gradInput: { gradient: view, accumulate: 0, mean: absent, sums: undefined },
        leaves: 1,
        stripImages: 1,
        stripRows: 4,
      },
      { flops: 2 * inFloats * 9 * 7, bytes: 4 * (outFloats + weightFloats + inFloats) },
    ],
    [
      'a max pooling: one byte of index per output',
      {
        kind: 'maxPool',
        chunks: 2,
        x: view,
        in: size(8, 7),
        prologue,
        window,
        y: view,
        out: size(4, 7),
        index: id(5),
        statistics: undefined,
      },
      { flops: outFloats * 9, bytes: 4 * (2 * 64 * 7 + outFloats) + outFloats },
    ],
  ])('%s', (_, record, expected) => {
    expect(costOf(record)).toEqual(expected);
  });
});
