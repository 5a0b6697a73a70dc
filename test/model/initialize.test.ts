import { expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
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
