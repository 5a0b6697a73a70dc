import { expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
import { torchvisionResnet } from '../../src/model/torchvision-resnet.ts';
import { trace } from '../../src/model/trace.ts';
import { elementCount } from '../../src/tensor/shape.ts';

test('the notes begin with Xavier-uniform weights and the biases and batch norms of PyTorch', () => {
  const { network, initializers } = compile(densenet(), [96, 96], { train: { batch: 2, mode: 'train' } });
  for (const [name, { shape }] of network.state) {
    const values = initialNumbers(3, name, elementCount(shape), initializers.get(name)!);
    const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const [out, into = 0, ...kernel] = shape as [number, ...number[]];
    if (shape.length > 1) {
      const bound = Math.sqrt(6 / ((into + out) * elementCount(kernel)));
      const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
      expect(greatest, name).toBeLessThanOrEqual(bound * (1 + 1e-6));
      // The standard deviation of the mean square of n numbers is 0.89/√n; the bound is four of them.
      const off = Math.abs(variance / (bound ** 2 / 3) - 1);
      expect(off, name).toBeLessThan(3.6 / Math.sqrt(values.length));
    } else if (/running_var$/.test(name)) expect(new Set(values), name).toEqual(new Set([1]));
    else if (/running_mean$/.test(name)) expect(new Set(values), name).toEqual(new Set([0]));
    else if (/bias$/.test(name)) {
      const [, fanIn, ...taps] = network.state.get(name.replace(/bias$/, 'weight'))!.shape;
      const bound = fanIn === undefined ? 0 : 1 / Math.sqrt(fanIn * elementCount(taps));
      expect(greatest, name).toBeLessThanOrEqual(bound * (1 + 1e-6));
      expect(greatest, name).toBeGreaterThanOrEqual(0.7 * bound);
    } else expect(new Set(values), name).toEqual(new Set([1]));
  }
  const weight = (seed: number, name: string) => initialNumbers(seed, name, 9, { kind: 'uniform', bound: 1 });
  expect(weight(3, 'a')).toEqual(weight(3, 'a'));
  expect(weight(3, 'a')).not.toEqual(weight(4, 'a'));
  expect(weight(3, 'a')).not.toEqual(weight(3, 'b'));
});

test("torchvision's ResNets begin with Kaiming-normal convolutions by their outputs, and PyTorch's linear layer", () => {
  const model = torchvisionResnet({ block: 'bottleneck', blocks: [1, 2], width: 16, classes: 40 });
  const { graph, initializers } = trace(model, 1, [32, 32], 'evaluate');
  for (const [name, id] of graph.state) {
    const [out, , ...kernel] = graph.values[id]!.shape as [number, number, ...number[]];
    const linear = { kind: 'uniform', bound: 1 / Math.sqrt(128) };
    const wanted =
      kernel.length === 2
        ? { kind: 'normal', deviation: Math.sqrt(2 / (out * elementCount(kernel))) }
        : name.startsWith('fc')
          ? linear
          : { kind: 'constant', value: /(weight|running_var)$/.test(name) ? 1 : 0 };
    expect([name, initializers.get(name)]).toEqual([name, wanted]);
  }
});

test("torchvision's family begins with Kaiming-normal convolutions, linear weights of PyTorch and no bias", () => {
  const model = torchvisionDensenet({ blocks: [2, 2], growthRate: 16, classes: 40 });
  const { graph, initializers } = trace(model, 1, [32, 32], 'evaluate');
  for (const [name, id] of graph.state) {
    const { shape } = graph.values[id]!;
    const values = initialNumbers(3, name, elementCount(shape), initializers.get(name)!);
    const [, into = 0, ...kernel] = shape as [number, ...number[]];
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
    if (shape.length === 4) {
      const deviation = Math.sqrt(2 / (into * elementCount(kernel)));
      // Four standard deviations for n normal numbers. (The kurtosis of a uniform distribution is 1.8 instead of
      // 3.)
      const n = values.length;
      expect(Math.abs(moment(1) / deviation), name).toBeLessThan(4 / Math.sqrt(n));
      expect(Math.abs(moment(2) / deviation ** 2 - 1), name).toBeLessThan(4 * Math.sqrt(2 / n));
      const tails = Math.abs(moment(4) / moment(2) ** 2 - 3);
      expect(tails, `${name}: the tails of a normal`).toBeLessThan(Math.min(1, 4 * Math.sqrt(24 / n)));
    } else if (shape.length === 2) {
      expect(Math.max(...values) * Math.sqrt(into), name).toBeCloseTo(1, 1);
    } else {
      const constant = /(norm\d?\.weight|running_var)$/.test(name) ? 1 : 0;
      expect(new Set(values), name).toEqual(new Set([constant]));
    }
  }
});
