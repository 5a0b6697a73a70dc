import { denseLayer, transition } from '../../src/model/densenet.ts';
import {
  avgPool,
  batchNorm,
  conv2d,
  denseBlock,
  dropout,
  flatten,
  globalAvgPool,
  identity,
  linear,
  type Module,
  maxPool,
  relu,
  sequential,
  sum,
} from '../../src/model/module.ts';
import type { Shape } from '../../src/tensor/shape.ts';
import type { ModuleOptions } from '../support/module-run.ts';

/** One composition with one shape. Every engine must agree with `reference` on all results. */
export interface ConformanceCase extends ModuleOptions {
  readonly name: string;
  readonly module: Module;
  readonly input: Shape;
}

const bnRelu = (...then: readonly Module[]) => sequential([batchNorm(), relu(), ...then]);
/** A stem: convolution, batch norm, ReLU and max pool of images, fused into one op. */
const stem = (
  name: string,
  input: Shape,
  conv: Module,
  pool: Module,
  options: ModuleOptions & { readonly next?: Module } = {},
): ConformanceCase => ({
  gamma: [1.2, -0.8, 0.6],
  inputIsData: true,
  ...options,
  name: `stem, ${name}`,
  module: sequential([conv, batchNorm(), relu(), pool, ...(options.next ? [options.next] : [])]),
  input,
});
const preActivation = (channels: number) =>
  sequential([
    batchNorm(),
    relu(),
    conv2d(channels, 3, { padding: 1 }),
    batchNorm(),
    relu(),
    conv2d(channels, 3, { padding: 1 }),
  ]);

export const CASES: readonly ConformanceCase[] = [
  { name: 'conv 1×1', module: conv2d(5, 1), input: [2, 3, 4, 5] },
  { name: 'conv 3×3 padded', module: conv2d(8, 3, { padding: 1 }), input: [3, 4, 6, 6] },
  {
    name: 'conv 3×3 with channels beyond a vector',
    module: conv2d(23, 3, { padding: 1 }),
    input: [2, 19, 5, 7],
  },
  {
    name: 'small maps of many images, a dense block',
    module: denseBlock([denseLayer(12), denseLayer(5)]),
    input: [37, 20, 4, 3],
  },
  {
    name: 'a block of 512 channels, whose pixels are 528 floats apart',
    module: denseBlock([denseLayer(16), denseLayer(16)]),
    input: [3, 480, 2, 2],
  },
  { name: 'small maps of 2×2', module: bnRelu(conv2d(40, 3, { padding: 1 })), input: [29, 33, 2, 2] },
  { name: 'small maps, 5×5 kernel', module: conv2d(7, 5, { padding: 2 }), input: [19, 3, 5, 6] },
  {
    name: 'small maps of more channels, 5×5 kernel',
    module: conv2d(17, 5, { padding: 2 }),
    input: [19, 18, 5, 6],
  },
  { name: 'small maps, 1×1 kernel', module: bnRelu(conv2d(18, 1)), input: [21, 35, 3, 3] },
  {
    name: 'small maps in several strips',
    module: bnRelu(conv2d(3, 3, { padding: 1 })),
    input: [17, 470, 6, 6],
  },
  {
    name: 'conv 7×7 stride 2 padding 3 on one channel',
    module: conv2d(20, 7, { stride: 2, padding: 3 }),
    input: [2, 1, 19, 14],
  },
  {
    name: 'conv without bias, uneven kernel, stride and padding',
    module: conv2d(6, [3, 5], { stride: [2, 3], padding: [1, 0], bias: false }),
    input: [2, 3, 9, 13],
  },
  { name: 'conv 1×1 stride 2', module: conv2d(7, 1, { stride: 2 }), input: [2, 5, 7, 8] },
  {
    name: 'conv with more padding than the kernel reaches',
    module: conv2d(3, 2, { padding: 3 }),
    input: [1, 2, 3, 3],
  },
  {
    name: 'conv whose strip is narrower than its padding',
    module: conv2d(4, 3, { padding: 5, stride: [1, 20] }),
    input: [2, 1, 4, 11],
  },
  {
    name: 'conv of more taps than a step of packing',
    module: conv2d(35, 9, { padding: 4 }),
    input: [1, 3, 7, 8],
  },
  { name: 'conv of one channel on two pixels', module: conv2d(1, 1), input: [1, 1, 1, 2] },
  {
    name: 'conv wide enough for several blocks of outputs',
    module: conv2d(70, 3, { padding: 1 }),
    input: [1, 33, 4, 4],
  },
  { name: 'conv on a map cut into strips', module: conv2d(16, 3, { padding: 1 }), input: [1, 48, 40, 40] },
  { name: 'more images than chunks', module: conv2d(4, 3, { padding: 1 }), input: [19, 3, 4, 4] },
  { name: 'batch norm', module: batchNorm(), input: [3, 5, 4, 4] },
  { name: 'batch norm in evaluation', module: batchNorm(), input: [3, 5, 4, 4], mode: 'evaluate' },
  {
    name: 'batch norm of features N×F',
    module: sequential([flatten(), batchNorm(), linear(3)]),
    input: [4, 3, 2, 2],
  },
  { name: 'relu', module: relu(), input: [2, 3, 3, 3] },
  { name: 'relu then batch norm', module: sequential([relu(), batchNorm()]), input: [2, 6, 3, 5] },
  { name: 'batch norm, relu, conv', module: bnRelu(conv2d(9, 3, { padding: 1 })), input: [3, 17, 5, 5] },
  {
    name: 'batch norm, relu, conv in evaluation',
    module: bnRelu(conv2d(9, 3, { padding: 1 })),
    input: [3, 17, 5, 5],
    mode: 'evaluate',
  },
  { name: 'batch norm then conv', module: sequential([batchNorm(), conv2d(4, 3)]), input: [2, 3, 5, 6] },
  { name: 'relu then conv', module: sequential([relu(), conv2d(4, 3)]), input: [2, 3, 5, 6] },
  {
    name: 'conv between batch norms',
    module: sequential([conv2d(6, 3), batchNorm(), relu(), conv2d(5, 3), batchNorm()]),
    input: [2, 3, 8, 9],
  },
  { name: 'max pool 2', module: maxPool(2), input: [2, 5, 5, 7] },
  {
    name: 'max pool 3 stride 2 padding 1',
    module: maxPool(3, { stride: 2, padding: 1 }),
    input: [2, 18, 9, 8],
  },
  {
    name: 'batch norm, relu, max pool',
    module: bnRelu(maxPool(3, { stride: 2, padding: 1 })),
    input: [2, 6, 9, 8],
  },
  { name: 'average pool 2 that drops an edge', module: avgPool(2), input: [2, 5, 5, 7] },
  {
    name: 'average pool 3 stride 1 padding 1',
    module: avgPool(3, { stride: 1, padding: 1 }),
    input: [2, 5, 6, 4],
  },
  { name: 'batch norm, relu, average pool', module: bnRelu(avgPool([2, 3])), input: [2, 7, 4, 9] },
  {
    name: 'pool, then batch norm',
    module: sequential([avgPool(2), batchNorm(), relu(), maxPool(2)]),
    input: [2, 5, 9, 8],
  },
  {
    name: 'global average pool, flatten, linear',
    module: sequential([globalAvgPool(), flatten(), linear(10)]),
    input: [4, 19, 3, 5],
  },
  {
    name: 'flatten a map, linear, relu, linear',
    module: sequential([flatten(), linear(7), relu(), linear(3, { bias: false })]),
    input: [3, 5, 2, 3],
  },
  {
    name: 'conv 1×1 then average pool (commutes)',
    module: sequential([conv2d(6, 1), avgPool(2)]),
    input: [2, 9, 6, 7],
  },
  {
    name: 'conv 1×1 then padded average pool (does not)',
    module: sequential([conv2d(6, 1), avgPool(3, { stride: 2, padding: 1 })]),
    input: [2, 9, 6, 7],
  },
  { name: 'transition, average', module: transition(10), input: [4, 23, 8, 8] },
  { name: 'transition, max', module: transition(10, { pool: 'max' }), input: [4, 23, 7, 8] },
  {
    name: 'dense block',
    module: denseBlock([denseLayer(12), denseLayer(12), denseLayer(12)]),
    input: [3, 20, 6, 5],
  },
  {
    name: 'dense block in evaluation',
    module: denseBlock([denseLayer(12), denseLayer(12)]),
    input: [3, 20, 6, 5],
    mode: 'evaluate',
  },
  {
    name: 'dense block of one image and one channel',
    module: denseBlock([denseLayer(1), denseLayer(1)]),
    input: [1, 1, 3, 2],
  },
  {
    name: 'dense blocks, transition, head',
    module: sequential([
      conv2d(6, 3, { stride: 2 }),
      denseBlock([denseLayer(5), denseLayer(5)]),
      transition(8),
      denseBlock([denseLayer(3)]),
      batchNorm(),
      relu(),
      globalAvgPool(),
      flatten(),
      linear(4),
    ]),
    input: [3, 2, 17, 15],
  },
  {
    name: 'bottleneck layers',
    module: denseBlock(
      [1, 2].map(() =>
        bnRelu(conv2d(16, 1, { bias: false }), bnRelu(conv2d(4, 3, { padding: 1, bias: false }))),
      ),
    ),
    input: [2, 6, 5, 5],
  },
  {
    name: 'residual sum',
    module: sum([
      ['a', conv2d(6, 3, { padding: 1 })],
      ['b', identity()],
    ]),
    input: [2, 6, 5, 5],
  },
  {
    name: 'residual of residuals',
    module: sequential([
      sum([
        ['a', preActivation(5)],
        ['b', identity()],
      ]),
      sum([
        ['a', preActivation(5)],
        ['b', identity()],
      ]),
      batchNorm(),
      relu(),
    ]),
    input: [2, 5, 6, 6],
  },
  {
    name: 'residual with a strided shortcut',
    module: sequential([
      relu(),
      sum([
        ['a', sequential([conv2d(8, 3, { stride: 2, padding: 1 }), batchNorm()])],
        ['b', conv2d(8, 1, { stride: 2 })],
      ]),
      relu(),
    ]),
    input: [2, 4, 7, 7],
  },
  {
    name: 'x added to itself',
    module: sum([
      ['a', identity()],
      ['b', identity()],
    ]),
    input: [2, 3, 2, 2],
  },
  {
    name: 'a dense block inside a dense block',
    module: denseBlock([denseBlock([denseLayer(4)]), denseLayer(3)]),
    input: [2, 5, 4, 4],
  },
  {
    name: 'a dense layer that only copies',
    module: sequential([denseBlock([identity(), relu()]), batchNorm()]),
    input: [2, 3, 4, 4],
  },
  { name: 'dropout', module: dropout(0.3), input: [3, 5, 4, 7] },
  { name: 'dropout of features N×F', module: sequential([flatten(), dropout(0.6)]), input: [5, 3, 2, 3] },
  { name: 'dropout of one channel of one pixel', module: dropout(0.5), input: [2, 1, 1, 1] },
  {
    name: 'dropout in evaluation',
    module: sequential([dropout(0.9), relu()]),
    input: [2, 3, 4, 5],
    mode: 'evaluate',
  },
  {
    name: 'conv, dropout',
    module: sequential([conv2d(21, 3, { padding: 1 }), dropout(0.2)]),
    input: [2, 5, 8, 9],
  },
  {
    name: 'dropout of small maps of many images',
    module: bnRelu(conv2d(19, 3, { padding: 1 }), dropout(0.2), batchNorm()),
    input: [37, 20, 4, 3],
  },
  {
    name: 'dense layers with dropout',
    module: denseBlock(
      [1, 2, 3].map(() =>
        bnRelu(
          conv2d(16, 1, { bias: false }),
          dropout(0.2),
          bnRelu(conv2d(5, 3, { padding: 1, bias: false }), dropout(0.2)),
        ),
      ),
    ),
    input: [3, 6, 7, 5],
  },
  {
    name: 'a transition with dropout',
    module: sequential([bnRelu(conv2d(9, 1), dropout(0.2), avgPool(2)), batchNorm(), relu()]),
    input: [3, 14, 6, 8],
  },
  {
    name: 'dropout that several read, of what several read',
    module: sequential([
      conv2d(6, 1),
      sum([
        ['a', sequential([dropout(0.4), denseBlock([denseLayer(4), dropout(0.5)])])],
        ['b', sequential([conv2d(20, 1), dropout(0)])],
      ]),
    ]),
    input: [2, 3, 5, 5],
  },
  {
    name: 'what would be a stem but for its dropout',
    module: sequential([conv2d(7, 3), dropout(0.3), batchNorm(), relu(), maxPool(2)]),
    input: [2, 1, 13, 12],
    inputIsData: true,
  },
  stem(
    "the notes'",
    [2, 1, 21, 18],
    conv2d(20, 7, { stride: 2, padding: 3 }),
    maxPool(3, { stride: 2, padding: 1 }),
  ),
  stem('of colour', [3, 3, 17, 19], conv2d(9, 3, { padding: 1, bias: false }), maxPool(2)),
  stem('of one image and one channel', [1, 1, 9, 8], conv2d(1, 3), maxPool(3, { stride: 2, padding: 1 })),
  stem(
    'uneven',
    [2, 2, 16, 21],
    conv2d(6, [3, 5], { stride: [2, 3], padding: [1, 0] }),
    maxPool([2, 3], { stride: [1, 2], padding: [1, 0] }),
  ),
  stem('whose windows leave rows out', [2, 1, 15, 16], conv2d(5, 2), maxPool(2, { stride: 3 })),
  stem('cut into strips', [1, 2, 60, 600], conv2d(3, 3), maxPool(3, { stride: 2, padding: 1 })),
  stem(
    'of more images than chunks',
    [18, 1, 9, 11],
    conv2d(18, 3, { padding: 1 }),
    maxPool(3, { stride: 2 }),
  ),
  stem('whose γ is zero in places', [2, 1, 13, 12], conv2d(7, 3), maxPool(2), { gamma: [1.2, 0, -0.8] }),
  stem('in evaluation', [3, 1, 15, 14], conv2d(20, 3), maxPool(3, { stride: 2 }), { mode: 'evaluate' }),
  stem('of activated images', [2, 2, 9, 9], sequential([relu(), conv2d(6, 3)]), maxPool(2)),
  stem('before a block', [3, 1, 17, 16], conv2d(18, 3), maxPool(3, { stride: 2, padding: 1 }), {
    next: sequential([denseBlock([denseLayer(5), denseLayer(5)]), transition(8)]),
  }),
  stem('whose input needs a gradient', [2, 3, 9, 8], conv2d(6, 3), maxPool(2), { inputIsData: false }),
  {
    name: 'a feature in two blocks',
    module: sum([
      ['a', denseBlock([denseLayer(4)])],
      ['b', denseBlock([conv2d(4, 3, { padding: 1 })])],
    ]),
    input: [2, 6, 4, 4],
  },
];

/** The cases for code that does not cut feature maps into strips, such as rewrites and the reference engine. */
export const WITHOUT_STRIPS = CASES.filter(({ name }) => !name.includes('strips'));
