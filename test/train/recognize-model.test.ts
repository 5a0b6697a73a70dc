import { describe, expect, test } from 'vitest';
import { stateOf } from '../../src/compile.ts';
import type { Weights } from '../../src/io/weights.ts';
import { trace } from '../../src/model/trace.ts';
import { imageSizeOf, type ModelOverrides, modelByName } from '../../src/model/zoo.ts';
import { modelOf } from '../../src/train/recognize-model.ts';
import { weightsFor } from '../../src/train/weights-source.ts';

function stateOfModel(name: string, overrides: ModelOverrides) {
  const size = imageSizeOf(name)!;
  return stateOf(trace(modelByName(name, overrides)!, 1, [size, size], 'evaluate').graph);
}

/** The tensors of a network, as a file might have them. */
function weightsOf(name: string, overrides: ModelOverrides, prefix = ''): Weights {
  const read = (): never => {
    throw new Error('to recognise a network needs no numbers');
  };
  const tensors = [...stateOfModel(name, overrides)].map(
    ([key, { shape }]) => [prefix + key, { shape, read }] as const,
  );
  return { format: 'test', tensors: new Map(tensors), notes: [] };
}

describe('a network is recognized by its tensors', () => {
  test.each([
    'densenet121',
    'densenet-fashion',
    'densenet-40-12',
    'densenet-b-16-4',
    'densenet-c-13-6',
    'densenet-bc-16-4',
  ])('%s, with other classes and channels and a prefix', (name) => {
    expect(modelOf(weightsOf(name, { classes: 7, channels: 2 }, 'module.net.'), 'x')).toBe(name);
  });

  test('and an unknown one is not', () => {
    const weights = weightsOf('densenet-bc-16-4', {});
    const [[first, tensor]] = weights.tensors as unknown as [[string, { shape: readonly number[] }]];
    const other = new Map(weights.tensors).set(first, { ...tensor, shape: [99, 3, 3, 3] } as never);
    expect(modelOf({ ...weights, tensors: other }, 'x')).toBeUndefined();
  });

  test('if another model was requested', () => {
    const weights = weightsOf('densenet-bc-16-4', { classes: 7 });
    const wanted = stateOfModel('densenet-bc-10-4', {});
    const source = { source: 'net.pth', sha256: '', weights };
    expect(() => weightsFor(source, wanted, { model: 'densenet-bc-10-4', newHead: false })).toThrow(
      'net.pth is not of densenet-bc-10-4; it looks like densenet-bc-16-4: use `model` densenet-bc-16-4',
    );
  });
});
