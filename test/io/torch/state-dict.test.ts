import { describe, expect, test } from 'vitest';
import type { PickleValue } from '../../../src/io/torch/pickle-value.ts';
import { stateDictOf } from '../../../src/io/torch/state-dict.ts';

const tensor = (...shape: readonly number[]) => ({ kind: 'tensor', shape }) as unknown as PickleValue;
const dict = (entries: Readonly<Record<string, unknown>>) =>
  new Map(Object.entries(entries)) as unknown as PickleValue;
const weights = dict({ 'a.weight': tensor(2, 3), 'a.bias': tensor(2) });

describe('the state dict of a checkpoint', () => {
  test.each([
    ['a best accuracy that is a tensor', { best_acc1: tensor(), epoch: 3, arch: 'densenet121' }],
    ['a loss and a step that are tensors', { loss: tensor(), step: tensor(1) }],
    ['an optimiser', { optimizer: dict({ state: dict({ 0: tensor(2, 3) }) }), epoch: 1 }],
  ])('is that of the network, beside %s', (_, others) => {
    const { tensors, notes } = stateDictOf(dict({ ...others, state_dict: weights }), 'x.pth');
    expect([...tensors.keys()]).toEqual(['a.weight', 'a.bias']);
    expect(notes).toEqual(['the weights are those under state_dict']);
  });

  test('tells of averages beside the weights', () => {
    const file = dict({ state_dict: weights, state_dict_ema: weights, ema_decay: 0.9 });
    expect(stateDictOf(file, 'x.pth').notes).toEqual([
      'the weights are those under state_dict',
      'averages of weights lie beside them, under state_dict_ema: not taken',
    ]);
  });

  test('is the file itself where it holds more tensors than what is in it', () => {
    const { tensors } = stateDictOf(
      dict({ w: tensor(1), v: tensor(1), u: tensor(1), model: dict({ x: tensor(1) }) }),
      'x.pth',
    );
    expect([...tensors.keys()]).toEqual(['w', 'v', 'u']);
  });
});
