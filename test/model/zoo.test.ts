import { describe, expect, test } from 'vitest';
import { countMacs } from '../../src/graph/count-macs.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { trace } from '../../src/model/trace.ts';
import { imageSizeOf, MODEL_NAMES, type ModelOverrides, modelByName } from '../../src/model/zoo.ts';
import { ShapeError } from '../../src/tensor/shape.ts';

const traced = (name: string, size = imageSizeOf(name)!, overrides: ModelOverrides = {}) =>
  trace(modelByName(name, overrides), 1, [size, size], 'evaluate');
const parametersOf = ({ layers }: ReturnType<typeof traced>) =>
  layers.reduce((sum, { parameters }) => sum + parameters, 0);
const shapesOf = ({ layers }: ReturnType<typeof traced>) =>
  layers.map(({ name, outputShape }) => [name, ...outputShape.slice(1)]);

describe('parameters, as PyTorch counts them:', () => {
  test.each([
    ['notes', 758_226],
    ['notes-max-pool', 758_226],
    ['resnet18-d2l', 11_178_378],
    ['resnet18', 11_689_512],
    ['resnet34', 21_797_672],
    ['resnet50', 25_557_032],
    ['notes-121-as-printed', 144_004_762],
    ['densenet121', 7_978_856],
    ['densenet169', 14_149_480],
    ['densenet201', 20_013_928],
    ['densenet264', 33_337_704],
    ['densenet161', 28_681_000],
    ['densenet-40-12', 1_019_722],
    ['densenet-100-12', 6_979_642],
    ['densenet-100-24', 27_249_082],
    ['densenet-b-40-12', 238_306],
    ['densenet-c-40-12', 578_090],
    ['densenet-bc-100-12', 769_162],
    ['densenet-bc-250-24', 15_324_406],
    ['densenet-bc-190-40', 25_624_430],
  ])('%s has %i', (name, parameters) => {
    expect(parametersOf(traced(name))).toBe(parameters);
    const { channels, classes } = modelByName(name);
    const madeFor = [channels, classes, imageSizeOf(name)];
    if (name.startsWith('densenet-')) expect(madeFor).toEqual([3, 10, 32]);
    else if (/^(densenet|resnet\d+$)/.test(name)) expect(madeFor).toEqual([3, 1000, 224]);
    else expect(madeFor).toEqual([1, 10, 224]);
  });
});

test("the recipe `best`'s network has fewer than 770,000 parameters, for images of Fashion-MNIST's size", () => {
  expect(parametersOf(traced('densenet-fashion'))).toBe(687_050);
  const { channels, classes } = modelByName('densenet-fashion');
  expect([channels, classes, imageSizeOf('densenet-fashion')]).toEqual([1, 10, 28]);
});

describe('multiply-adds for an image, as PyTorch counts them:', () => {
  test.each([
    ['notes', 64, 57_369_008],
    ['notes', 96, 129_077_168],
    ['notes', 224, 702_742_448],
    ['notes-max-pool', 96, 129_077_168],
    ['resnet18-d2l', 96, 318_657_536],
    ['resnet18-d2l', 224, 1_734_890_496],
    ['resnet18', 224, 1_814_073_344],
    ['resnet34', 224, 3_663_761_408],
    ['resnet50', 224, 4_089_184_256],
    ['notes-121-as-printed', 96, 82_685_224_800],
    ['notes-121-as-printed', 224, 450_175_068_000],
    ['densenet121', 224, 2_834_161_664],
  ])('%s at %i² has %i', (name, size, macs) => {
    expect(countMacs(traced(name, size).graph)).toBe(macs);
  });
});

describe('the trace at 224×224 of', () => {
  test("the notes' mistaken 121 never shrinks a map", () => {
    expect(shapesOf(traced('notes-121-as-printed'))).toEqual([
      ['Sequential', 64, 56, 56],
      ['DenseBlock_121', 256, 56, 56],
      ['Sequential', 128, 56, 56],
      ['DenseBlock_121', 512, 56, 56],
      ['Sequential', 256, 56, 56],
      ['DenseBlock_121', 992, 56, 56],
      ['Sequential', 496, 56, 56],
      ['DenseBlock_121', 1008, 56, 56],
      ['BatchNorm2d', 1008, 56, 56],
      ['ReLU', 1008, 56, 56],
      ['AdaptiveAvgPool2d', 1008, 1, 1],
      ['Flatten', 1008],
      ['Linear', 10],
    ]);
  });

  test("d2l's ResNet-18", () => {
    expect(shapesOf(traced('resnet18-d2l'))).toEqual([
      ['Sequential', 64, 56, 56],
      ['Sequential', 64, 56, 56],
      ['Sequential', 128, 28, 28],
      ['Sequential', 256, 14, 14],
      ['Sequential', 512, 7, 7],
      ['AdaptiveAvgPool2d', 512, 1, 1],
      ['Flatten', 512],
      ['Linear', 10],
    ]);
  });

  test('DenseNet-121 names its layers as torchvision does', () => {
    expect(shapesOf(traced('densenet121'))).toEqual([
      ['conv0', 64, 112, 112],
      ['norm0', 64, 112, 112],
      ['relu0', 64, 112, 112],
      ['pool0', 64, 56, 56],
      ['denseblock1', 256, 56, 56],
      ['transition1', 128, 28, 28],
      ['denseblock2', 512, 28, 28],
      ['transition2', 256, 14, 14],
      ['denseblock3', 1024, 14, 14],
      ['transition3', 512, 7, 7],
      ['denseblock4', 1024, 7, 7],
      ['norm5', 1024, 7, 7],
      ['ReLU', 1024, 7, 7],
      ['AdaptiveAvgPool2d', 1024, 1, 1],
      ['Flatten', 1024],
      ['classifier', 1000],
    ]);
  });

  test('DenseNet-161: wider, and longer in its last blocks', () => {
    const blocks = shapesOf(traced('densenet161')).filter(([name]) => `${name}`.startsWith('denseblock'));
    expect(blocks.map(([, ...shape]) => shape)).toEqual([
      [384, 56, 56],
      [768, 28, 28],
      [2112, 14, 14],
      [2208, 7, 7],
    ]);
  });
});

test("the notes' network with max pooling differs from it in its three transitions alone", () => {
  const opsOf = (name: string) => traced(name, 32).graph.ops.map(({ kind }) => kind);
  const [average, max] = [opsOf('notes'), opsOf('notes-max-pool')];
  const changed = average.flatMap((kind, i) => (kind === max[i] ? [] : [[kind, max[i]]]));
  expect(changed).toEqual(Array(3).fill(['avgPool', 'maxPool']));
  expect(max).toHaveLength(average.length);
});

describe('state has the names', () => {
  const names = (name: string) => [...traced(name).initializers.keys()];

  test("of torchvision's state_dict, in its order", () => {
    const all = names('densenet121');
    const norm = (prefix: string) =>
      ['weight', 'bias', 'running_mean', 'running_var'].map((tensor) => `${prefix}.${tensor}`);
    const layer = 'features.denseblock1.denselayer1';
    expect(all.slice(0, 15)).toEqual([
      'features.conv0.weight',
      ...norm('features.norm0'),
      ...norm(`${layer}.norm1`),
      `${layer}.conv1.weight`,
      ...norm(`${layer}.norm2`),
      `${layer}.conv2.weight`,
    ]);
    expect(all.filter((name) => name.startsWith('features.transition3'))).toEqual([
      ...norm('features.transition3.norm'),
      'features.transition3.conv.weight',
    ]);
    expect(all.slice(-6)).toEqual([...norm('features.norm5'), 'classifier.weight', 'classifier.bias']);
    expect(all).toContain('features.denseblock4.denselayer16.conv2.weight');
    expect(all.filter((name) => /conv\d?\.bias/.test(name))).toEqual([]);
  });

  test("of d2l's ResNet-18", () => {
    expect(names('resnet18-d2l').filter((name) => /^[02]\..*(?<!running_(mean|var))$/.test(name))).toEqual(
      expect.arrayContaining([
        '0.0.weight',
        '0.0.bias',
        '0.1.weight',
        '2.0.conv1.bias',
        '2.0.bn2.weight',
        '2.0.conv3.bias',
      ]),
    );
    expect(names('resnet18-d2l').filter((name) => name.includes('conv3'))).toHaveLength(6);
    expect(names('resnet18-d2l')).toContain('7.weight');
  });

  test.each(['resnet18', 'resnet50'])(
    "of torchvision's %s, whose first stage keeps the map's size",
    (name) => {
      const all = names(name).filter((each) => !/running|bn/.test(each));
      expect(all[0]).toBe('conv1.weight');
      expect(all.slice(-2)).toEqual(['fc.weight', 'fc.bias']);
      expect(all.includes('layer1.0.downsample.0.weight')).toBe(name === 'resnet50');
      expect(names(name)).toContain('layer4.0.downsample.1.running_var');
      expect(all.some((each) => /conv\d\.bias/.test(each))).toBe(false);
    },
  );

  test("of the notes' Sequentials, for the mistaken 121 too", () => {
    expect(names('notes-121-as-printed')).toEqual(
      expect.arrayContaining(['1.net.0.2.weight', '1.net.5.5.bias', '2.2.weight', '2.5.bias', '12.weight']),
    );
  });

  test('of a CIFAR network: no batch norm after its stem, one convolution in a plain layer', () => {
    const plain = names('densenet-40-12');
    expect(plain.filter((name) => /norm0|conv2/.test(name))).toEqual([]);
    expect(plain[0]).toBe('features.conv0.weight');
    expect(plain).toContain('features.denseblock3.denselayer12.conv1.weight');
    expect(names('densenet-bc-100-12')).toContain('features.denseblock3.denselayer16.conv2.weight');
  });
});

describe('every network takes', () => {
  test.each([...MODEL_NAMES, 'densenet-40-12', 'densenet-bc-100-12'])(
    '%s: other channels and classes',
    (name) => {
      const { graph, initializers } = traced(name, undefined, { channels: 2, classes: 7 });
      const shape = (id: number) => graph.values[id]!.shape;
      expect(shape(graph.inputs.get('images')!)[1]).toBe(2);
      expect(shape(graph.outputs.get('logits')!)).toEqual([1, 7]);
      expect(shape(graph.state.get([...initializers.keys()][0]!)!)[1]).toBe(2);
    },
  );

  test('an odd size that works, and refuses one that does not by the name of the layer', () => {
    expect(shapesOf(traced('densenet-40-12', 27)).find(([name]) => name === 'denseblock3')).toEqual([
      'denseblock3',
      448,
      6,
      6,
    ]);
    expect(() => traced('densenet121', 15)).toThrow(ShapeError);
    expect(() => traced('densenet121', 15)).toThrow(/transition 3 \(features\.transition3\.pool avgPool\)/);
  });
});

describe('a CIFAR network', () => {
  const stemOf = (options: Parameters<typeof cifarDensenet>[0]) =>
    trace(cifarDensenet(options), 1, [32, 32], 'evaluate').layers[0]!.outputShape[1];

  test("begins with the paper's 16 channels, or twice the growth rate: for BC, and always in the code", () => {
    const bc = { depth: 22, growthRate: 24, bottleneckWidth: 4, compression: 0.5 };
    expect(stemOf({ depth: 40, growthRate: 12 })).toBe(16);
    expect(stemOf({ depth: 40, growthRate: 12, stem: 'code' })).toBe(24);
    expect(stemOf(bc)).toBe(48);
    expect(stemOf({ ...bc, compression: 1 })).toBe(16);
  });

  test('keeps θ of its channels in a transition', () => {
    const model = cifarDensenet({ depth: 10, growthRate: 5, compression: 0.3 });
    const { layers } = trace(model, 1, [32, 32], 'evaluate');
    expect(layers.find(({ name }) => name === 'transition1')!.outputShape[1]).toBe(
      Math.floor(0.3 * (16 + 10)),
    );
  });

  test('has a depth of three equal blocks', () => {
    expect(() => cifarDensenet({ depth: 41, growthRate: 12 })).toThrow(/multiple of 3/);
    for (const name of [
      'densenet-41-12',
      'densenet-bc-40-12x',
      'densenet-bc-41-12',
      'densenet-b-43-12',
      'densenet-cb-40-12',
      'densenet--40-12',
      'densenet-4-12',
      'densenet-40-0',
      'vgg',
      'toString',
    ]) {
      expect(() => modelByName(name), name).toThrow(/there is no model .*: expected notes, densenet121,/);
      expect(imageSizeOf(name), name).toBeUndefined();
    }
  });
});
