import { describe, expect, test } from 'vitest';
import { chooseWeights } from '../../../src/io/choose-weights.ts';
import type { PickleValue } from '../../../src/io/torch/pickle-value.ts';
import { stateDictOf } from '../../../src/io/torch/state-dict.ts';

const tensor = (...shape: readonly number[]) => ({ kind: 'tensor', shape }) as unknown as PickleValue;
const dict = (entries: Readonly<Record<string, unknown>>) =>
  new Map(Object.entries(entries)) as unknown as PickleValue;
const content = (entries: Readonly<Record<string, unknown>>, unknownNames: readonly string[] = []) => ({
  value: dict(entries),
  unknownNames,
});
const weights = dict({ 'a.weight': tensor(2, 3), 'a.bias': tensor(2) });

describe('the state dict of a checkpoint', () => {
  test.each([
    ['a best accuracy that is a tensor', { best_acc1: tensor(), epoch: 3, arch: 'densenet121' }],
    ['a loss and a step that are tensors', { loss: tensor(), step: tensor(1) }],
    ['an optimiser', { optimizer: dict({ state: dict({ 0: tensor(2, 3) }) }), epoch: 1 }],
  ])('is that of the network, beside %s', (_, others) => {
    const { tensors, notes } = stateDictOf(content({ ...others, state_dict: weights }), 'x.pth');
    expect([...tensors.keys()]).toEqual(['a.weight', 'a.bias']);
    expect(notes).toEqual(['the weights are those under state_dict']);
  });

  test('reports averages in addition to the weights', () => {
    const averages = dict({ 'a.weight': tensor(2, 3), 'a.bias': tensor(2) });
    const file = content({ state_dict: weights, state_dict_ema: averages, ema_decay: 0.9 });
    expect(stateDictOf(file, 'x.pth').notes).toEqual([
      'the weights are those under state_dict',
      'averages of weights lie beside them, under state_dict_ema: `weights` takes those',
    ]);
  });

  test('is the top-level object if it has more tensors than its members', () => {
    const { tensors } = stateDictOf(
      content({ w: tensor(1), v: tensor(1), u: tensor(1), model: dict({ x: tensor(1) }) }),
      'x.pth',
    );
    expect([...tensors.keys()]).toEqual(['w', 'v', 'u']);
  });

  test.each([
    ['under a name of its own', { densenet: weights, best: tensor() }, 'densenet'],
    ['deeper', { checkpoint: dict({ module: weights }) }, 'checkpoint.module'],
    [
      'beside averages with a counter more',
      { net_ema: dict({ n: tensor(), w: tensor(1), v: tensor(1) }), own: weights },
      'own',
    ],
    ['averages where there is nothing else', { ema: dict({ module: weights, updates: 3 }) }, 'ema.module'],
  ])('is found %s', (_, file, under) => {
    const { tensors, notes } = stateDictOf(content(file), 'x.pth');
    expect([...tensors.keys()]).toEqual(['a.weight', 'a.bias']);
    expect(notes[0]).toBe(`the weights are those under ${under}`);
  });

  test('is one of several, which can be selected by path', () => {
    const own = dict({ 'a.weight': tensor(5), 'a.bias': tensor(6) });
    const file = {
      ...stateDictOf(
        content({ model: own, ema: dict({ module: weights }), optimizer: dict({ state: weights }) }),
        'x',
      ),
      format: 'torch.save',
    };
    expect(file.tensors.get('a.bias')!.shape).toEqual([6]);
    expect(file.notes.at(-1)).toBe(
      'averages of weights lie beside them, under ema.module: `weights` takes those',
    );
    const { tensors, notes } = chooseWeights(file, 'ema.module', 'x');
    expect([tensors.get('a.bias')!.shape, notes]).toEqual([[2], ['the weights are those under ema.module']]);
    expect(() => chooseWeights(file, 'swa', 'x')).toThrow(
      'x has no weights under swa: it has model (2 tensors), ema.module (2 tensors)',
    );
  });

  test('is searched once in repeated and cyclic objects', () => {
    let level = weights;
    for (let depth = 0; depth < 40; depth++)
      level = dict(Object.fromEntries([...'abcdefghij'].map((key) => [key, level])));
    const circle = dict({ state_dict: weights }) as unknown as Map<string, unknown>;
    circle.set('self', circle);
    circle.set('level', level);
    const { tensors } = stateDictOf({ value: circle as unknown as PickleValue, unknownNames: [] }, 'x');
    expect(tensors.size).toBe(2);
  });
});
