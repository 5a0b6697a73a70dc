import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { denseLayer, densenet, transition } from '../../src/model/densenet.ts';
import { batchNorm, conv2d, denseBlock, linear, maxPool, sequential } from '../../src/model/module.ts';
import { trace, traceModule } from '../../src/model/trace.ts';
import { elementCount, type Shape, ShapeError } from '../../src/tensor/shape.ts';

const outputShape = (module: Parameters<typeof traceModule>[0], input: Shape) => {
  const { graph } = traceModule(module, input, 'train');
  return graph.values[graph.outputs.get('y')!]!.shape;
};

describe('shapes', () => {
  test("the notes' two checks: a dense block, then a transition", () => {
    const block = denseBlock([denseLayer(10), denseLayer(10)]);
    expect(outputShape(block, [4, 3, 8, 8])).toEqual([4, 23, 8, 8]);
    expect(outputShape(transition(10), [4, 23, 8, 8])).toEqual([4, 10, 4, 4]);
  });

  test("the notes' trace at 224×224", () => {
    const { layers } = trace(densenet(), 1, [224, 224], 'evaluate');
    expect(layers.map(({ name, outputShape: shape }) => [name, ...shape.slice(1)])).toEqual([
      ['Sequential', 64, 56, 56],
      ['DenseBlock', 192, 56, 56],
      ['Sequential', 96, 28, 28],
      ['DenseBlock', 224, 28, 28],
      ['Sequential', 112, 14, 14],
      ['DenseBlock', 240, 14, 14],
      ['Sequential', 120, 7, 7],
      ['DenseBlock', 248, 7, 7],
      ['BatchNorm2d', 248, 7, 7],
      ['ReLU', 248, 7, 7],
      ['AdaptiveAvgPool2d', 248, 1, 1],
      ['Flatten', 248],
      ['Linear', 10],
    ]);
    expect(layers.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(758_226);
  });

  test("the notes' state has PyTorch's names and shapes", () => {
    const { network } = compile(densenet(), [96, 96], { evaluate: { batch: 1, mode: 'evaluate' } });
    const shape = (name: string) => network.state.get(name)?.shape;
    expect(shape('0.0.weight')).toEqual([64, 1, 7, 7]);
    expect(shape('0.1.running_var')).toEqual([64]);
    expect(shape('1.net.3.2.weight')).toEqual([32, 160, 3, 3]);
    expect(shape('2.2.bias')).toEqual([96]);
    expect(shape('12.weight')).toEqual([10, 248]);
    const parameters = [...network.state.values()].filter(({ role }) => role === 'parameter');
    expect(parameters.reduce((sum, { shape: each }) => sum + elementCount(each), 0)).toBe(758_226);
  });
});

describe('invalid shapes', () => {
  const message = (make: () => unknown): string => {
    try {
      make();
    } catch (error) {
      expect(error).toBeInstanceOf(ShapeError);
      return (error as Error).message;
    }
    throw new Error('nothing was refused');
  };

  test("28×28 images name the last transition of the notes' network", () => {
    const text = message(() => trace(densenet(), 4, [28, 28], 'train'));
    expect(text).toContain('transition 3');
    expect(text).toContain('1×1 feature map');
  });

  test('one value per channel in training names the batch norm', () => {
    const text = message(() => trace(densenet(), 1, [32, 32], 'train'));
    expect(text).toMatch(/batchNorm.*more than one value per channel/);
  });

  test('one value per channel is fine in evaluation', () => {
    expect(() => trace(densenet(), 1, [32, 32], 'evaluate')).not.toThrow();
  });

  test('a kernel larger than the map, a linear layer on a map, too much pool padding', () => {
    expect(message(() => traceModule(conv2d(3, 5), [1, 2, 4, 4], 'train'))).toContain('does not fit');
    expect(message(() => traceModule(linear(3), [1, 2, 4, 4], 'train'))).toContain('flatten');
    expect(message(() => traceModule(maxPool(2, { padding: 2 }), [1, 2, 4, 4], 'train'))).toContain(
      'padding',
    );
    expect(
      message(() => traceModule(sequential([conv2d(2, 3), batchNorm()]), [1, 1, 3, 3], 'train')),
    ).toContain('1 batchNorm');
  });
});
