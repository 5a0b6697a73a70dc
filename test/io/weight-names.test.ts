import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeReport, matchWeights } from '../../src/io/match-weights.ts';
import { renameWeights, sizesOf, type WantedTensors } from '../../src/io/weight-names.ts';
import { type Weights, WeightsError } from '../../src/io/weights.ts';
import { decodeWeights } from '../../src/node/weights-file.ts';
import { elementCount, type Shape } from '../../src/tensor/shape.ts';
import { goldenPath } from '../support/golden.ts';

/** Tensors with different first elements. */
function weights(shapes: Readonly<Record<string, Shape>>, first = 1): Weights {
  const tensors = Object.entries(shapes).map(([name, shape], i) => {
    const read = () => new Float32Array(elementCount(shape)).fill(first + i);
    return [name, { shape, read }] as const;
  });
  return { format: 'torch.save', tensors: new Map(tensors), notes: [] };
}

function wanted(shapes: Readonly<Record<string, Shape>>): WantedTensors {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { shape, role: name.includes('running') ? 'buffer' : 'parameter' },
    ]),
  );
}

const LAYER = 'features.denseblock1.denselayer1';
const MODEL = {
  'features.conv0.weight': [8, 3, 7, 7],
  [`${LAYER}.norm1.weight`]: [8],
  [`${LAYER}.norm1.running_mean`]: [8],
  [`${LAYER}.conv2.weight`]: [4, 8, 3, 3],
  'classifier.weight': [10, 12],
  'classifier.bias': [10],
} as const satisfies Record<string, Shape>;
const match = (file: Weights, newHead = false, model: Record<string, Shape> = MODEL) =>
  matchWeights(file, wanted(model), { source: 'f.pth', newHead });
const under = (prefix: string) =>
  Object.fromEntries(Object.entries(MODEL).map(([name, shape]) => [prefix + name, shape]));

describe('weights among others', () => {
  test.each(['model.', 'net.', 'encoder.backbone.', 'student.module.'])(
    'under %s are found by their names',
    (prefix) => {
      const file = weights({ 'criterion.pos_weight': [10], ...under(prefix), n_averaged: [] });
      const { state, report } = match(file);
      expect([...state.keys()]).toEqual(Object.keys(MODEL));
      expect([...state.values()].map((numbers) => numbers[0])).toEqual([2, 3, 4, 5, 6, 7]);
      expect(report).toMatchObject({ prefix, matched: 6, leftOver: ['criterion.pos_weight', 'n_averaged'] });
      expect(describeReport(report)).toContain(
        'the model has no use for 2: criterion.pos_weight, n_averaged',
      );
    },
  );

  test.each(['', 'backbone.'])('of the features alone, under %o, start a training', (prefix) => {
    const names = Object.entries(MODEL).filter(([name]) => name.startsWith('features.'));
    const file = weights(
      Object.fromEntries(names.map(([name, shape]) => [name.replace('features.', prefix), shape])),
    );
    const { state, report } = match(file, true);
    expect([...state.keys()]).toEqual(names.map(([name]) => name));
    expect(report.newHead).toEqual(['classifier.weight', 'classifier.bias']);
    expect(describeReport(report)).toContain(
      'the names are those of a part of the network: features. was put before them',
    );
    expect(() => match(file)).toThrow(
      /^f\.pth has no classifier \(classifier\.weight, classifier\.bias\): a training can start from it/,
    );
  });

  test('whose last batch norm is called norm_final', () => {
    const { report } = match(weights({ 'features.norm_final.weight': [8] }), false, {
      'features.norm5.weight': [8],
    });
    expect(report).toMatchObject({ matched: 1, renamed: 1, leftOver: [] });
  });
});

describe('weights under the names of', () => {
  test("torchvision and timm are the model's", () => {
    const { state, report } = match(weights(MODEL));
    expect([...state.keys()]).toEqual(Object.keys(MODEL));
    expect([...state.values()].map((numbers) => numbers[0])).toEqual([1, 2, 3, 4, 5, 6]);
    expect(report).toMatchObject({
      matched: 6,
      renamed: 0,
      dropped: 0,
      prefix: '',
      newHead: [],
      leftOver: [],
    });
  });

  test('old torchvision are those of today', () => {
    const old = weights({
      'features.conv0.weight': [8, 3, 7, 7],
      [`${LAYER}.norm.1.weight`]: [8],
      [`${LAYER}.norm.1.running_mean`]: [8],
      [`${LAYER}.conv.2.weight`]: [4, 8, 3, 3],
      'classifier.weight': [10, 12],
      'classifier.bias': [10],
    });
    const { state, report } = match(old);
    expect(state.get(`${LAYER}.conv2.weight`)![0]).toBe(4);
    expect(report).toMatchObject({ matched: 6, renamed: 3 });
  });

  test("the real checkpoint of torchvision's class are the same by either naming", async () => {
    const file = await decodeWeights(readFileSync(goldenPath('torchvision_small.pth')), 'small');
    const counters = [...file.tensors.keys()].filter((name) => name.endsWith('num_batches_tracked')).length;
    const oldNames = [...file.tensors].map(
      ([name, tensor]) => [name.replace(/(denselayer\d+\.(?:norm|conv))([12])/, '$1.$2'), tensor] as const,
    );
    const today = renameWeights(file, [], 'small');
    const old = renameWeights({ ...file, tensors: new Map(oldNames) }, [], 'small');
    expect(counters).toBeGreaterThan(15);
    expect([today.dropped, today.tensors.size]).toEqual([counters, file.tensors.size - counters]);
    expect([...old.tensors.keys()]).toEqual([...today.tensors.keys()]);
    expect(old.tensors.has('features.denseblock2.denselayer3.norm2.running_var')).toBe(true);
    expect(old.tensors.has('features.transition1.norm.weight')).toBe(true);
  });

  test.each(['module.', '_orig_mod.', 'module._orig_mod.', 'model.'])('a wrapper %s lose it', (prefix) => {
    const { report } = match(weights({ ...under(prefix), [`${prefix}a.num_batches_tracked`]: [] }));
    expect(report).toMatchObject({ matched: 6, prefix, dropped: 1 });
    expect(describeReport(report)).toContain(`the names begin with ${prefix}, which was left out`);
  });

  test('a model whose names have this prefix keep it', () => {
    const own = { 'model.a.weight': [2], 'model.b.weight': [3] };
    expect(match(weights(own), false, own).report).toMatchObject({ matched: 2, prefix: '' });
  });
});

describe('a classifier with another number of classes', () => {
  const other = { ...MODEL, 'classifier.weight': [1000, 12], 'classifier.bias': [1000] };

  test('is reinitialized if requested, and only then', () => {
    const { state, report } = match(weights(other), true);
    expect(report).toMatchObject({ matched: 4, newHead: ['classifier.weight', 'classifier.bias'] });
    expect(state.has('classifier.weight')).toBe(false);
    expect(describeReport(report).join()).toMatch(
      /new head: classifier\.weight, classifier\.bias are reinitialized/,
    );
    expect(() => match(weights(other))).toThrow(
      'f.pth: tensor classifier.weight is 1000×12, the model expects 10×12 (another number of classes: `classes`',
    );
  });

  test('that is missing is reinitialized too', () => {
    const { 'classifier.weight': _, 'classifier.bias': __, ...body } = MODEL;
    expect(match(weights(body), true).report.newHead.length).toBe(2);
    expect(() => match(weights(body))).toThrow(/has no classifier \(classifier\.weight, classifier\.bias\)/);
  });

  test('with the same number is loaded', () => {
    expect(match(weights(MODEL), true).report).toMatchObject({ matched: 6, newHead: [] });
  });

  test('returns the number of classes and channels of a file', () => {
    const renamed = renameWeights(
      weights({ ...under('module.'), 'module.classifier.bias': [10] }),
      Object.keys(MODEL),
      '',
    );
    expect(sizesOf(renamed, wanted(MODEL))).toEqual({ classes: 10, channels: 3 });
    expect(sizesOf(renameWeights(weights({}), [], ''), wanted(MODEL))).toEqual({});
  });
});

describe('weights that do not match are refused:', () => {
  test.each<[string, Weights, RegExp]>([
    [
      'a shape that differs',
      weights({ ...MODEL, 'features.conv0.weight': [8, 1, 7, 7] }),
      /^f\.pth: tensor features\.conv0\.weight is 8×1×7×7, the model expects 8×3×7×7$/,
    ],
    [
      'a shape that differs, by the name in the file',
      weights({ ...under('module.'), [`module.${LAYER}.norm1.weight`]: [9] }),
      /tensor module\.features\.denseblock1\.denselayer1\.norm1\.weight is 9, the model expects 8/,
    ],
    ['nothing', weights({}), /of its 6 tensors 6 are missing/],
    [
      'those of another model',
      weights(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`layer${i}.weight`, [1]]))),
      /6 are missing .*the file has others \(layer0\.weight, .*layer9\.weight and 20 more\)/,
    ],
    [
      'a bias that the layer has not',
      weights({ ...MODEL, 'features.conv0.bias': [8] }),
      /its layers have tensors that the model's have not \(features\.conv0\.bias\)/,
    ],
    [
      'two tensors of one name',
      weights({ ...MODEL, [`${LAYER}.norm.1.weight`]: [8] }),
      /norm1\.weight and .*norm\.1\.weight are both/,
    ],
    ['numbers that are not finite', weights(MODEL, Number.NaN), /features\.conv0\.weight holds NaN/],
  ])('%s', (_, file, message) => {
    expect(() => match(file)).toThrow(WeightsError);
    expect(() => match(file)).toThrow(message);
  });

  test('tensors that are not in the model are listed, up to ten', () => {
    const extras = Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`aux${i}.weight`, [1]]));
    const { report } = match(weights({ ...MODEL, ...extras }));
    expect(report.leftOver.length).toBe(13);
    expect(describeReport(report).at(-1)).toMatch(
      /^the model has no use for 13: aux0\.weight, .* and 3 more$/,
    );
  });
});
