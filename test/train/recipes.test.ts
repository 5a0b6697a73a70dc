import { describe, expect, test } from 'vitest';
import {
  ConfigError,
  describeRecipe,
  runConfigSchema,
  scheduleOf,
  trainingOptions,
} from '../../src/train/config.ts';
import { RECIPE_NAMES, RECIPES, type Recipe, resolveRecipe } from '../../src/train/recipes.ts';

/** Without settings that depend on the data, which the recipe photos chooses. */
const resolved = (given: Parameters<typeof resolveRecipe>[0]) => {
  const { augment: _, normalize: __, ...settings } = resolveRecipe(given);
  const chosen = given.recipe === 'photos' ? { size: 32, batch: 16, epochs: 60 } : {};
  return runConfigSchema.parse({ classes: 10, ...chosen, ...settings });
};

describe('a recipe', () => {
  test.each(RECIPE_NAMES)('%s resolves to a whole configuration that names it', (name) => {
    const config = resolved({ recipe: name });
    const { augment, normalize, ...settings }: Recipe = RECIPES[name];
    expect(config).toMatchObject({ ...settings, recipe: name });
    expect(resolveRecipe({ recipe: name, normalize: 'none' })).toMatchObject({
      ...(augment && { augment }),
      normalize: 'none',
    });
    expect(resolveRecipe({ recipe: name }).normalize).toBe(normalize);
    expect(describeRecipe(config)).toMatch(new RegExp(`^recipe ${name}: `));
  });

  test.each([
    ['d2l', { model: 'notes', size: 96, batch: 128, epochs: 10, lr: 0.01 }],
    [
      'paper-cifar',
      {
        ...{ model: 'densenet-bc-100-12', data: 'cifar10', size: 32, batch: 64, epochs: 300, lr: 0.1 },
        ...{ optimizer: 'nesterov', momentum: 0.9, weightDecay: 1e-4, weightDecayOn: 'all' },
        augment: ['crop', 'flip'],
      },
    ],
  ])('%s has the settings of its source', (recipe, settings) => {
    expect(resolveRecipe({ recipe })).toMatchObject(settings);
  });

  test("is the notes' by default: plain SGD at a constant rate", () => {
    const config = resolved({});
    expect(config).toMatchObject({ recipe: 'notes', lr: 0.1, batch: 256, epochs: 10, size: 96 });
    expect(trainingOptions(config)).toEqual({
      labelSmoothing: 0,
      weighted: false,
      update: {
        optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0, decayed: 'weights' },
      },
    });
    expect(describeRecipe(config)).toBe('recipe notes: sgd, lr 0.1');
    expect(resolveRecipe({ data: 'idx:somewhere' }).recipe).toBe('notes');
    expect(resolveRecipe({ data: 'folder:photos' }).recipe).toBe('photos');
    expect(resolveRecipe({ data: 'folder:photos', recipe: 'notes' })).toMatchObject({ lr: 0.1, batch: 256 });
  });

  test("paper-cifar is the paper's: a tenth of the rate at 50% and 75% of 300 epochs", () => {
    const config = resolved({ recipe: 'paper-cifar' });
    expect(trainingOptions(config).update!.optimizer).toEqual({
      kind: 'sgd',
      momentum: 0.9,
      nesterov: true,
      weightDecay: 1e-4,
      decayed: 'all',
    });
    expect(scheduleOf(config, 782)).toEqual({ kind: 'step', peak: 0.1, steps: 300 * 782, warmupSteps: 0 });
  });

  test('is overridden only by explicit options', () => {
    const config = resolved({
      recipe: 'best',
      lr: 0.02,
      schedule: 'cosine',
      warmup: 0.5,
      ema: 0.99,
      clip: 2,
    });
    const { lr, schedule, warmup, ema, clip, ...rest } = config;
    expect({ lr, schedule, warmup, ema, clip }).toEqual({
      lr: 0.02,
      schedule: 'cosine',
      warmup: 0.5,
      ema: 0.99,
      clip: 2,
    });
    expect(resolved({ recipe: 'best' })).toMatchObject({ ...rest });
    expect(scheduleOf(config, 101).warmupSteps).toBe(51);
    expect(trainingOptions(config)).toMatchObject({ update: { clipNorm: 2, averageDecay: 0.99 } });
  });

  test('has the momentum of its optimizer', () => {
    expect(resolved({ optimizer: 'nesterov' }).momentum).toBe(0.9);
    expect(resolved({ optimizer: 'nesterov', momentum: 0.5 }).momentum).toBe(0.5);
    expect(resolved({ recipe: 'best', optimizer: 'adamw' }).momentum).toBe(0);
    expect(resolved({ recipe: 'best', optimizer: 'sgd' }).momentum).toBe(0.9);
  });

  test.each<[Parameters<typeof resolveRecipe>[0], RegExp]>([
    [{ recipe: 'soup' }, /unknown recipe soup: expected notes, d2l/],
    [{ patience: 3 }, /`patience` .* `validate`/],
    [{ warmup: 11 }, /warm-up of 11 epochs is longer than the run of 10/],
    [{ optimizer: 'adamw', momentum: 0.9 }, /adamw has no `momentum`/],
    [{ optimizer: 'nesterov', momentum: 0 }, /nesterov requires a `momentum` above 0/],
  ])('that contradicts itself is refused: %j', (given, message) => {
    expect(() => resolveRecipe(given)).toThrow(ConfigError);
    expect(() => resolveRecipe(given)).toThrow(message);
  });
});
