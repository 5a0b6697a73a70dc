import { describe, expect, test } from 'vitest';
import { identity, type Model, sequential } from '../../src/model/module.ts';
import { MODEL_NAMES, modelByName } from '../../src/model/zoo.ts';
import { isOfZoo, modelSchema, sameModel, whyNoModel } from '../../src/train/model-schema.ts';
import { modelOf, withClasses } from '../../src/train/run-model.ts';
import { OWN_NETWORK } from '../support/colours.ts';

const withRoot = (root: unknown) => ({ ...OWN_NETWORK, root });
const deep = (levels: number) => {
  let root = sequential([identity()]);
  for (let i = 1; i < levels; i++) root = sequential([root]);
  return withRoot(root);
};

describe('the description of a network', () => {
  test.each([...MODEL_NAMES, 'densenet-bc-100-12'])('of the zoo survives being written: %s', (name) => {
    const model = modelByName(name)!;
    const read = modelSchema.parse(JSON.parse(JSON.stringify(model)));
    expect(read).toEqual(model);
    expect([isOfZoo(model), sameModel(model, read)]).toEqual([true, true]);
    expect(isOfZoo({ ...model, initialization: 'kaimingNormal', root: sequential([]) })).toBe(false);
  });

  test.each([
    [deep(5_000), /modules are nested more than 32 deep/],
    [withRoot(sequential(Array(30_000).fill(identity()))), /more than 20,000 modules/],
    [
      withRoot({ kind: 'sequential', children: [['', { kind: 'eval', code: '1' }]] }),
      /root\.children\[0\]\[1\]/,
    ],
    [
      withRoot({ kind: 'sequential', children: [['', { kind: 'dropout', rate: 1 }]] }),
      /root\.children\[0\]\[1\]\.rate/,
    ],
    [{ ...OWN_NETWORK, channels: 0 }, /^channels: /],
    [{ ...OWN_NETWORK, forward: () => 1 }, /Unrecognized key: "forward"/],
    [null, /expected object/],
  ])('is refused: %#', (value, message) => {
    expect(whyNoModel(value)).toMatch(message);
  });

  test('may be as deep as any network', () => {
    expect(whyNoModel(deep(30))).toBeUndefined();
  });

  test('gets another head for other classes, if it has one', () => {
    const config = { model: 'mine', network: OWN_NETWORK, classes: 7, dropout: undefined };
    const { classes, root } = withClasses(OWN_NETWORK, 7);
    expect([classes, root.children.at(-1)]).toEqual([
      7,
      ['6', { kind: 'linear', outFeatures: 7, bias: true }],
    ]);
    expect(modelOf({ ...config, classes: 3 }, 3)).toBe(OWN_NETWORK);
    expect(() => modelOf({ ...config, dropout: 0.1 }, 3)).toThrow(/`dropout` is for networks by name/);
    const headless: Model = { ...OWN_NETWORK, root: sequential([identity()]) };
    expect(() => withClasses(headless, 7)).toThrow(
      /for 3 classes, not 7, and does not end in a linear layer/,
    );
  });
});
