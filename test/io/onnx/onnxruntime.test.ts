import { describe, expect, test } from 'vitest';
import {
  avgPool,
  batchNorm,
  conv2d,
  denseBlock,
  flatten,
  globalAvgPool,
  identity,
  linear,
  type Model,
  type Module,
  maxPool,
  modelByName,
  relu,
  sequential,
  sum,
  torchvisionResnet,
  transition,
} from '../../../src/index.ts';
import type { Pair } from '../../../src/tensor/shape.ts';
import { relativeError } from '../../support/compare.ts';
import {
  bottleneckNet,
  IMAGE_KINDS,
  onnxOf,
  onnxruntimeLogits,
  randomState,
  referenceLogits,
  testImages,
} from '../../support/onnx.ts';

const TOLERANCE = 1e-4;

function classifier(children: readonly Module[], channels = 2): Model {
  return { name: 'test', channels, classes: 3, root: sequential([...children, flatten(), linear(3)]) };
}

const residual = (channels: number, stride: number): Module =>
  sequential([
    sum([
      [
        'body',
        sequential([
          conv2d(channels, 3, { stride, padding: 1, bias: false }),
          batchNorm(),
          relu(),
          conv2d(channels, 3, { padding: 1 }),
          batchNorm({ eps: 1e-3 }),
        ]),
      ],
      ['shortcut', stride === 1 ? identity() : conv2d(channels, 1, { stride })],
    ]),
    relu(),
  ]);
const layer = sequential([batchNorm(), relu(), conv2d(3, 3, { padding: 1 })]);

const CASES: readonly (readonly [string, Model, Pair])[] = [
  [
    'convolutions of every stride and padding',
    classifier([
      conv2d(5, [3, 2], { stride: [2, 1], padding: [0, 1] }),
      relu(),
      conv2d(4, 1, { bias: false }),
    ]),
    [9, 7],
  ],
  [
    'max pools over odd maps, with a rest left over',
    classifier([maxPool(3, { stride: 2, padding: 1 }), maxPool([2, 3], { stride: [2, 1] })]),
    [13, 9],
  ],
  [
    'average pools that count their padding',
    classifier([avgPool(3, { stride: 2, padding: 1 }), avgPool([3, 2], { padding: [1, 0] })]),
    [11, 13],
  ],
  ['an average pool over the whole map', classifier([conv2d(4, 3), globalAvgPool()]), [6, 5]],
  [
    'batch norm of maps and of vectors',
    classifier([
      batchNorm({ eps: 1e-2 }),
      conv2d(4, 3),
      batchNorm(),
      relu(),
      flatten(),
      linear(6, { bias: false }),
      batchNorm(),
      relu(),
    ]),
    [5, 6],
  ],
  ['residual sums', classifier([residual(2, 1), residual(4, 2), residual(4, 1)]), [8, 7]],
  [
    'a sum of three branches, one of them the input itself',
    classifier([
      sum([
        ['a', identity()],
        ['b', relu()],
        ['c', conv2d(2, 1)],
      ]),
    ]),
    [4, 4],
  ],
  [
    'dense blocks and a transition',
    classifier(
      [denseBlock([layer, layer, layer]), transition(5, { pool: 'max' }), denseBlock([layer, layer])],
      3,
    ),
    [7, 8],
  ],
  ['one channel, one pixel', classifier([conv2d(2, 1), globalAvgPool()], 1), [1, 1]],
  ["a DenseNet with bottlenecks under torchvision's names", bottleneckNet(), [33, 32]],
  ["the notes' network", modelByName('notes'), [32, 40]],
  [
    "torchvision's ResNet-18, narrow",
    torchvisionResnet({ block: 'basic', blocks: [2, 2, 2, 2], width: 8, classes: 5 }),
    [33, 40],
  ],
  [
    "torchvision's ResNet-50, narrow",
    torchvisionResnet({ block: 'bottleneck', blocks: [3, 4, 6, 3], width: 4, classes: 5 }),
    [40, 33],
  ],
];

describe('onnxruntime finds the logits of our evaluate program in an exported file:', () => {
  test.each(CASES)('%s', async (_, model, size) => {
    const state = randomState(model, size, 7);
    const file = onnxOf(model, size, state);
    const batches = [1, 2, 5].flatMap((n) =>
      IMAGE_KINDS.slice(0, n === 2 ? IMAGE_KINDS.length : 1).map((kind) =>
        testImages(kind, [n, model.channels, ...size]),
      ),
    );
    const got = await onnxruntimeLogits(file, batches, [model.channels, ...size]);
    for (const [i, images] of batches.entries()) {
      const want = await referenceLogits(model, size, state, images);
      expect(want.some((value) => value !== 0)).toBe(true);
      expect(relativeError(got[i]!, want)).toBeLessThan(TOLERANCE);
    }
  });

  test('a network whose output is its input', async () => {
    const model: Model = { name: 'nothing', channels: 3, classes: 3, root: sequential([flatten()]) };
    const images = testImages('random', [4, 3, 1, 1]);
    const [logits] = await onnxruntimeLogits(onnxOf(model, [1, 1], new Map()), [images], [3, 1, 1]);
    expect(logits).toEqual(images);
  });
});
