import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import { everythingBut, hasPrefix } from '../../src/model/freeze.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';
import { kernelRecords } from '../../src/target/cpu/records.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { networkCase, runNetwork } from '../support/network-run.ts';

const model = torchvisionDensenet({ blocks: [2, 2], growthRate: 5, stemChannels: 12, classes: 6 });
const size = [34, 37] as const;
const compiled = (frozen: readonly string[]) =>
  compile(model, size, {
    train: { batch: 4, mode: 'train', frozen },
    evaluate: { batch: 4, mode: 'evaluate' },
  }).network;
const planOf = (network: ReturnType<typeof compiled>) => network.programs.get('train')!.plan;

const HEAD_ALONE = everythingBut(model, 'classifier');
const LOWER_HALF = ['features.conv0', 'features.norm0', 'features.denseblock1'];

describe.each([REFERENCE, ...ENGINES])('a training step on $name', ({ open }) => {
  test.each([
    ['all but the head', HEAD_ALONE],
    ['the lower half', LOWER_HALF],
    ['one layer in the middle', ['features.denseblock2.denselayer1']],
  ])('leaves every bit of what is frozen and changes the rest: %s', async (_, frozen) => {
    const each = networkCase(compiled(frozen), 11);
    const engine = await open();
    const results = await runNetwork(engine, each, 'train');
    await engine.close();
    for (const [name, before] of each.state) {
      const after = Float32Array.from(results.get(`after.${name}`)!);
      if (hasPrefix(name, frozen)) expect(after, name).toEqual(before);
      else expect(after, name).not.toEqual(before);
      expect(results.has(`grad.${name}`), name).toBe(
        !hasPrefix(name, frozen) && each.network.state.get(name)!.role === 'parameter',
      );
    }
  });
});

describe('frozen layers', () => {
  const layersWith = (frozen: readonly string[], kinds: RegExp) =>
    planOf(compiled(frozen)).records.flatMap(({ op, record }) =>
      kinds.test(record.kind) ? [op.layer.label] : [],
    );

  const updatedIn = (frozen: readonly string[]) =>
    kernelRecords(planOf(compiled(frozen)).records).flatMap(({ record }) =>
      record.kind === 'sgd' ? record.tensors : [],
    ).length;

  test('has no record of the backward pass, of statistics or of an update: all but the head', () => {
    const backward = layersWith(HEAD_ALONE, /Grad|tatistics|Correction/);
    expect(backward.length).toBeGreaterThan(1);
    expect(updatedIn(HEAD_ALONE)).toBe(2); // The classifier's weight and bias.
    expect(backward.filter((layer) => !/^classifier|^loss/.test(layer))).toEqual([]);
    expect(layersWith(HEAD_ALONE, /GradInput/)).toEqual([]);
  });

  test('has none below the lowest trained layer', () => {
    const backward = layersWith(LOWER_HALF, /Grad|tatistics|Correction/);
    expect(backward.filter((layer) => /conv0|norm0|pool0|denseblock1/.test(layer))).toEqual([]);
    expect(layersWith(LOWER_HALF, /GradInput/).some((layer) => layer.includes('denseblock2'))).toBe(true);
  });

  test('need no memory for gradients, and keep features only until they are read', () => {
    const names = [...compiled(HEAD_ALONE).layout.shapes.keys()].filter((name) => name.startsWith('grad.'));
    expect(names).toEqual(['grad.classifier.weight', 'grad.classifier.bias']);
    const peak = (frozen: readonly string[]) => plannedPeakBytes([planOf(compiled(frozen))], 1);
    expect(peak(HEAD_ALONE)).toBeLessThan(peak(LOWER_HALF));
    expect(peak(LOWER_HALF)).toBeLessThan(peak([]));
  });

  test("takes the running statistics: a frozen network's loss is that of an evaluation, its gradient the slope", async () => {
    const each = networkCase(compiled(HEAD_ALONE), 12);
    const engine = createReferenceEngine();
    const trained = await runNetwork(engine, each, 'train');
    const evaluated = async (state: typeof each.state) =>
      (await runNetwork(engine, { ...each, state }, 'evaluate')).get('loss')![0]!;
    expect(trained.get('loss')![0]).toBe(await evaluated(each.state));
    const [name, at, by] = ['classifier.weight', 7, 2 ** -10];
    const moved = (to: number) => {
      const weight = each.state.get(name)!;
      return evaluated(new Map([...each.state, [name, weight.with(at, weight[at]! + to)]]));
    };
    const slope = ((await moved(by)) - (await moved(-by))) / (2 * by);
    expect(Math.abs(slope - trained.get(`grad.${name}`)![at]!)).toBeLessThan(1e-6);
  });

  test('are selected by whole components of names', () => {
    expect(hasPrefix('1.net.0.weight', ['1'])).toBe(true);
    expect(hasPrefix('12.weight', ['1'])).toBe(false);
    expect(hasPrefix('12.weight', ['12.weight'])).toBe(true);
    expect(everythingBut(densenet({ blocks: [1, 1] }), '8')).toEqual(['0', '1', '2', '3', '4']);
  });

  test('must exist, and leave something to train', () => {
    expect(() => compiled(['features.denseblock9'])).toThrow(/no parameters features\.denseblock9 to freeze/);
    expect(() => compiled(['features', 'classifier'])).toThrow(/nothing to train/);
    expect(() => everythingBut(model, 'head')).toThrow(/no layer head.*classifier/);
  });
});
