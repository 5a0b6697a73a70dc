import { expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
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
      expect(variance / (bound ** 2 / 3), name).toBeCloseTo(1, 0);
    } else if (/running_var$/.test(name)) expect(new Set(values), name).toEqual(new Set([1]));
    else if (/running_mean$/.test(name)) expect(new Set(values), name).toEqual(new Set([0]));
    else if (/bias$/.test(name)) expect(greatest, name).toBeLessThanOrEqual(1);
    else expect(new Set(values), name).toEqual(new Set([1]));
  }
  const weight = (seed: number, name: string) => initialNumbers(seed, name, 9, { kind: 'uniform', bound: 1 });
  expect(weight(3, 'a')).toEqual(weight(3, 'a'));
  expect(weight(3, 'a')).not.toEqual(weight(4, 'a'));
  expect(weight(3, 'a')).not.toEqual(weight(3, 'b'));
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
      expect(moment(1) / deviation, name).toBeCloseTo(0, 0);
      expect(moment(2) / deviation ** 2, name).toBeCloseTo(1, 0);
      expect(moment(4) / moment(2) ** 2, `${name}: the tails of a normal`).toBeCloseTo(3, -0.5);
    } else if (shape.length === 2) {
      expect(Math.max(...values) * Math.sqrt(into), name).toBeCloseTo(1, 1);
    } else {
      const constant = /(norm\d?\.weight|running_var)$/.test(name) ? 1 : 0;
      expect(new Set(values), name).toEqual(new Set([constant]));
    }
  }
});
