import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { headName } from '../../src/model/module.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
import { CheckpointError } from '../../src/train/checkpoint.ts';
import { transferState } from '../../src/train/transfer.ts';
import { relativeError } from '../support/compare.ts';
import { channelsLast, golden, tensorOf } from '../support/golden.ts';

const file = golden('torchvision_small');
const modelOf = (classes: number) =>
  torchvisionDensenet({ growthRate: 8, blocks: [2, 3, 2], stemChannels: 16, classes });
const networkOf = (classes: number) =>
  compile(modelOf(classes), [64, 64], {
    evaluate: { batch: 2, mode: 'evaluate', outputs: ['features'] },
  }).network;

/** torchvision's own numbers, for 11 classes. */
const theirs = () => {
  const names = [...networkOf(11).state.keys()];
  return {
    state: new Map(names.map((name) => [name, tensorOf(file, `state.${name}`)] as const)),
    shapes: new Map(names.map((name) => [name, file.tensors.get(`state.${name}`)!.shape] as const)),
  };
};
const features = async (classes: number) => {
  const network = networkOf(classes);
  const { state } = transferState('file', theirs(), network.state, headName(modelOf(classes)));
  const session = await createReferenceEngine().open(network);
  for (const [name, numbers] of state) session.write(name, numbers);
  await session.run('evaluate', { images: channelsLast(file, 'x'), labels: new Int32Array(2) });
  return session.output('features');
};

describe("weights trained for torchvision's 11 classes", () => {
  test('are taken over whole by a network for 11 classes', () => {
    const { state, fresh } = transferState('file', theirs(), networkOf(11).state, 'classifier');
    expect(fresh).toEqual([]);
    expect([...state.keys()]).toEqual([...networkOf(11).state.keys()]);
  });

  test('are taken over all but the head by a network for 3 classes, which computes the same features', async () => {
    const { state, fresh } = transferState('file', theirs(), networkOf(3).state, 'classifier');
    expect(fresh).toEqual(['classifier.weight', 'classifier.bias']);
    expect(state.size).toBe(networkOf(3).state.size - 2);
    expect(relativeError(await features(3), await features(11))).toBe(0);
  });

  test('must have everything but the head, in its shape, finite, and nothing else', () => {
    const message = (change: (stored: ReturnType<typeof theirs>) => void) => {
      const stored = theirs();
      change(stored);
      try {
        transferState('file', stored, networkOf(3).state, 'classifier');
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
        return (error as Error).message;
      }
      return 'no error';
    };
    const name = 'features.conv0.weight';
    expect(message(({ shapes }) => shapes.delete(name))).toBe(`file: tensor ${name} is missing`);
    expect(message(({ shapes }) => shapes.set(name, [16, 1, 7, 7]))).toContain(
      '16×1×7×7, the model wants 16×3×7×7',
    );
    expect(message(({ state }) => state.set(name, state.get(name)!.with(3, Number.NaN)))).toContain(
      'not finite',
    );
    expect(message(({ shapes }) => shapes.set('features.more', [1]))).toContain('features.more is not part');
  });
});
