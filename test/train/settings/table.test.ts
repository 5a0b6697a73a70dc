import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ConfigError, runConfigSchema } from '../../../src/train/config.ts';
import { RECIPES, resolveRecipe } from '../../../src/train/recipes.ts';
import { settingsPage } from '../../../src/train/settings/page.ts';
import { contradictionOf } from '../../../src/train/settings/resume.ts';
import { FIELDS } from '../../../src/train/settings/run-settings.ts';
import { COMMAND_NAMES, RECIPE_COMMANDS } from '../../../src/train/settings/setting.ts';
import {
  flagOf,
  RUN_SETTING_NAMES,
  SETTING_NAMES,
  SETTINGS,
  settingsOf,
} from '../../../src/train/settings/table.ts';

/** Fields that the run records and users do not set. */
const RECORDED = [
  'leaves',
  'dataSha256',
  'startedFrom',
  'classNames',
  'testSha256',
  'transforms',
  'validationSha256',
  'reasons',
  'network',
];

describe('the table of settings', () => {
  test('has every field of RunConfig once, and RunConfig has no other', () => {
    const set = RUN_SETTING_NAMES.filter((name) => name !== 'augment' && name !== 'normalize');
    const fields = Object.keys(runConfigSchema.shape);
    expect([...set, ...RECORDED].sort()).toEqual([...fields].sort());
    expect(new Set(fields).size).toBe(fields.length);
    expect(new Set(SETTING_NAMES.map(flagOf)).size).toBe(SETTING_NAMES.length);
  });

  test('keeps the fields in the order in which checkpoints have them', () => {
    expect(Object.keys(runConfigSchema.shape).join(' ')).toMatch(
      new RegExp(
        '^recipe model data classes size batch microBatch epochs lr seed precision limit leaves dataSha256 startedFrom ' +
          'classNames testShare testSha256 transforms freeze dropout optimizer momentum weightDecay weightDecayOn ' +
          'schedule warmup labelSmoothing clip ema validate patience balance reasons validationSha256 followLinks headEpochs headLr network$',
      ),
    );
  });

  test('has a command for every setting, and settings for every command', () => {
    for (const name of SETTING_NAMES) expect(Object.keys(SETTINGS[name].commands)).not.toEqual([]);
    for (const command of COMMAND_NAMES) expect(settingsOf(command)).toContain('json');
  });

  test('has a default, or says what applies without a value', () => {
    for (const name of SETTING_NAMES) {
      const { value, unset, notes, default: fixed, schema } = SETTINGS[name];
      if (value === undefined || name === 'strict') continue;
      const isStored = name in FIELDS && schema.safeParse(undefined).success;
      expect([name, unset ?? notes ?? fixed ?? isStored]).not.toEqual([name, false]);
    }
  });

  test('defines the behavior on resume for all settings of train, except those that select the run', () => {
    const without = settingsOf('train').filter((name) => SETTINGS[name].onResume === undefined);
    expect(without).toEqual(['out', 'resume', 'from', 'weights']);
    expect(SETTING_NAMES.filter((name) => SETTINGS[name].onResume === 'changeable')).toEqual([
      'data',
      'epochs',
      'engine',
    ]);
  });

  test("has the notes' run", () => {
    expect(RECIPES.notes).toEqual({
      ...{ model: 'notes', data: 'fashion-mnist', size: 96, batch: 256, epochs: 10, lr: 0.1 },
      ...{ seed: 0, precision: 'f32' },
    });
    expect(RECIPE_COMMANDS.every((command) => settingsOf(command).includes('data'))).toBe(true);
  });

  test('is the source of docs/settings.md (`npm run docs:settings` writes it)', () => {
    const page = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');
    expect(page).toBe(settingsPage());
  });
});

test('an error of settings names the one to change', () => {
  for (const [given, setting] of [
    [{ microBatch: 512 }, 'microBatch'],
    [{ patience: 3 }, 'patience'],
    [{ warmup: 11 }, 'warmup'],
    [{ optimizer: 'adamw', momentum: 0.9 }, 'momentum'],
    [{ recipe: 'soup' }, 'recipe'],
  ] as const) {
    expect(() => resolveRecipe(given)).toThrow(expect.objectContaining({ name: 'ConfigError', setting }));
  }
  expect(new ConfigError('no setting').setting).toBeUndefined();
});

test('a resumed run keeps its settings, except the location of its data and its length', () => {
  const transforms = { augment: ['flip' as const], normalize: 'none' as const };
  const config = runConfigSchema.parse({ ...RECIPES.notes, recipe: 'notes', classes: 10, transforms });
  const check = (given: Parameters<typeof contradictionOf>[0]) => contradictionOf(given, config, 1);
  expect(check({})).toBeUndefined();
  expect(check({ ...config, augment: ['flip'], normalize: 'none', channels: 1 })).toBeUndefined();
  expect(check({ data: 'sample', epochs: 20, engine: 'wasm', threads: 1, dataDir: 'x' })).toBeUndefined();
  expect(check({ augment: ['crop', 'flip'] })).toEqual({ name: 'augment', given: 'crop,flip', has: 'flip' });
  expect(check({ channels: 3 })).toEqual({ name: 'channels', given: '3', has: '1' });
  expect(check({ testShare: 0.3 })).toEqual({ name: 'testShare', given: '0.3', has: 'none' });
  expect(check({ weightDecay: 0.1 })).toEqual({ name: 'weightDecay', given: '0.1', has: '0' });
  expect(check({ freeze: ['body'] })).toEqual({ name: 'freeze', given: 'body', has: 'none' });
});
