import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/train/config.ts';
import {
  differenceOf,
  EXPERIMENTS,
  parseExperiment,
  runsOf,
  withOverrides,
} from '../../src/train/experiment.ts';

const EXAMPLE = {
  common: { epochs: 2, limit: 6000 },
  configurations: { average: { model: 'notes' }, max: { model: 'notes-max-pool' } },
  seeds: [0, 1],
};

test('runs are ordered by seed, and use their recipe if the experiment has no setting', () => {
  const experiment = parseExperiment(
    {
      ...EXAMPLE,
      configurations: {
        plain: {},
        best: { recipe: 'best', augment: ['flip', 'crop', 'flip'], weightDecay: 0 },
      },
    },
    'x.json',
  );
  const runs = runsOf(experiment);
  expect(runs.map(({ configuration, seed }) => `${configuration} ${seed}`)).toEqual([
    'plain 0',
    'best 0',
    'plain 1',
    'best 1',
  ]);
  expect(runs[0]!.recipe).toMatchObject({ recipe: 'notes', model: 'notes', seed: 0, epochs: 2, limit: 6000 });
  expect(runs[3]!.recipe).toMatchObject({
    ...{ recipe: 'best', model: 'densenet-fashion', seed: 1, epochs: 2, limit: 6000 },
    ...{ optimizer: 'nesterov', schedule: 'one-cycle', weightDecay: 0, augment: ['crop', 'flip'] },
  });
});

test('the built-in experiments are valid, and each answers its question', () => {
  const modelsOf = (name: keyof typeof EXPERIMENTS) =>
    runsOf(parseExperiment(EXPERIMENTS[name], name)).map(({ recipe }) => recipe.model);
  expect(modelsOf('pooling').slice(0, 3)).toEqual(['notes', 'notes-max-pool', 'notes']);
  expect(modelsOf('resnet').slice(0, 3)).toEqual(['notes', 'resnet18-d2l', 'notes']);
  for (const name of ['pooling', 'resnet'] as const) {
    const recipes = runsOf(parseExperiment(EXPERIMENTS[name], name)).map(({ recipe }) => recipe.recipe);
    expect(new Set(recipes)).toEqual(new Set(['quick']));
  }
});

describe('an error names the field of', () => {
  test.each([
    [
      { ...EXAMPLE, seed: 1 },
      /^x\.json: seed: no such field: expected about, common, configurations, seeds$/,
    ],
    [
      { ...EXAMPLE, common: { epohcs: 2 } },
      /^x\.json: common\.epohcs: no such field: expected recipe, model,/,
    ],
    [{ ...EXAMPLE, common: { seed: 2 } }, /^x\.json: common\.seed: no such field/],
    [{ ...EXAMPLE, common: { epochs: '2' } }, /^x\.json: common\.epochs: .*expected number/],
    [{ ...EXAMPLE, common: { momentum: 1 } }, /^x\.json: common\.momentum: /],
    [
      { ...EXAMPLE, configurations: { a: {}, b: { model: 'vgg' } } },
      /^x\.json: configurations\.b\.model: expected notes, /,
    ],
    [
      { ...EXAMPLE, configurations: { a: {}, b: { augment: ['turn'] } } },
      /^x\.json: configurations\.b\.augment\.0: /,
    ],
    [{ ...EXAMPLE, configurations: { a: {} } }, /^x\.json: configurations: expected two/],
    [
      { ...EXAMPLE, configurations: { a: {}, '../b': {} } },
      /^x\.json: configurations\.\.\.\/b: expected a name/,
    ],
    [
      { ...EXAMPLE, configurations: { a: {}, 'report.md': {} } },
      /^x\.json: .*report\.md: this is the name of a file/,
    ],
    [{ ...EXAMPLE, seeds: [] }, /^x\.json: seeds: expected one seed/],
    [{ ...EXAMPLE, seeds: [1, 1] }, /^x\.json: seeds: a seed is repeated/],
    [{ ...EXAMPLE, seeds: [0.5] }, /^x\.json: seeds\.0: /],
    [[], /^x\.json: .*expected object/],
  ])('%j', (value, message) => {
    expect(() => parseExperiment(value, 'x.json')).toThrow(ConfigError);
    expect(() => parseExperiment(value, 'x.json')).toThrow(message);
  });

  test('a configuration whose settings contradict one another', () => {
    const experiment = parseExperiment(
      { ...EXAMPLE, configurations: { a: {}, b: { patience: 3 } } },
      'x.json',
    );
    expect(() => runsOf(experiment)).toThrow(/^configuration b: .*validation images/);
  });
});

test('options replace the common settings, never those of a configuration', () => {
  const experiment = parseExperiment(EXAMPLE, 'x.json');
  const changed = withOverrides(experiment, { epochs: 3, lr: undefined }, [5]);
  expect(changed).toEqual({ ...EXAMPLE, common: { epochs: 3, limit: 6000 }, seeds: [5] });
  expect(differenceOf(experiment, changed)).toBe('seeds is 0,1 there, 5 here');
  expect(differenceOf(experiment, withOverrides(experiment, { epochs: 3 }))).toBe(
    'common.epochs is 2 there, 3 here',
  );
  expect(differenceOf(experiment, withOverrides(experiment, { lr: 1 }))).toBe(
    'common.lr is not set there, 1 here',
  );
  expect(differenceOf(experiment, withOverrides(experiment, { epochs: 2 }))).toBeUndefined();
  const rates = { ...experiment, configurations: { low: { lr: 0.1 }, high: { lr: 0.5 } } };
  expect(() => withOverrides(rates, { lr: 0.2 })).toThrow(/`lr` 0\.2 contradicts configuration low/);
});
