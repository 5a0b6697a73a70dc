import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { settingOption } from '../../../src/cli/options.ts';
import { runConfigSchema } from '../../../src/train/config.ts';
import { parseExperiment } from '../../../src/train/experiment.ts';
import { textOf } from '../../../src/train/settings/describe.ts';
import { parseText, shapeOf } from '../../../src/train/settings/parse.ts';
import { FIELDS } from '../../../src/train/settings/run-settings.ts';
import { COMMAND_NAMES } from '../../../src/train/settings/setting.ts';
import {
  givenSchema,
  RUN_SETTING_NAMES,
  SETTINGS,
  type SettingName,
} from '../../../src/train/settings/table.ts';

/** A complete configuration, to which the tested setting is added. */
const BASE = {
  ...{ recipe: 'notes', model: 'notes', classes: 10, size: 96, batch: 256, epochs: 10, lr: 0.1 },
  ...{ seed: 0, precision: 'f32' },
};

const NAMES = {
  recipe: fc.string(),
  model: fc.constantFrom('notes', 'densenet121', 'densenet-40-12', 'vgg', ''),
  data: fc.constantFrom('sample', 'folder:a b', 'idx:', 'imagenet', ''),
};

/** Random values: many valid, some invalid. */
function valuesOf(name: SettingName, schema: z.ZodType): fc.Arbitrary<unknown> {
  if (name in NAMES) return NAMES[name as keyof typeof NAMES];
  const shape = shapeOf(schema);
  if (shape.const !== undefined) return fc.constantFrom(shape.const, 'soup');
  if (shape.enum) return fc.constantFrom(...shape.enum, 'soup');
  if (shape.items?.enum) return fc.array(fc.constantFrom(...shape.items.enum), { minLength: 1 });
  if (shape.items) return fc.array(fc.constantFrom('body', 'features.conv0', ''), { minLength: 1 });
  const edges = [shape.minimum, shape.exclusiveMinimum, shape.maximum, shape.exclusiveMaximum];
  const near = edges.flatMap((edge) => (edge === undefined ? [] : [edge - 1, edge, edge + 1]));
  const usual = shape.type === 'integer' ? fc.nat() : fc.double({ min: 0, max: 2, noNaN: true });
  return fc.oneof(usual, fc.constantFrom(...near));
}

/** The results of parsing a value as a flag, in an experiment file and in a checkpoint; undefined if refused. */
function readings(name: SettingName, value: unknown) {
  return {
    flag: attempt(() => flagReading(name, value)),
    experiment: attempt(
      () => experimentOf({ [name]: value }).common[name as keyof ReturnType<typeof experimentOf>['common']],
    ),
    checkpoint: attempt(() =>
      new Map(Object.entries(runConfigSchema.parse({ ...BASE, [name]: value }))).get(name),
    ),
  };
}

/** Parses a flag; a switch is present or absent. */
function flagReading(name: SettingName, value: unknown): unknown {
  if (SETTINGS[name].value === undefined) return value === true ? true : undefined;
  return settingOption(name, commandOf(name)).parseArg!(textOf(value), undefined);
}

const experimentOf = (common: object) =>
  parseExperiment({ common, configurations: { a: {}, b: {} }, seeds: [0] }, 'x');

/** A command that accepts exactly the values that runs store, without `auto`. */
function commandOf(name: SettingName) {
  const { commands } = SETTINGS[name];
  return COMMAND_NAMES.find((command) => commands[command] && !commands[command].given)!;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

describe('flag, experiment file and checkpoint agree on', () => {
  test.each(RUN_SETTING_NAMES)('%s', (name) => {
    const setting = SETTINGS[name];
    const schema = givenSchema(setting);
    fc.assert(
      fc.property(valuesOf(name, schema), (value) => {
        const { flag, experiment, checkpoint } = readings(name, value);
        const isAsked = schema.safeParse(value).success;
        expect([value, flag !== undefined]).toEqual([value, isAsked]);
        if (setting.inExperiment !== false) expect(experiment).toEqual(flag);
        if (isAsked && name in FIELDS) expect(checkpoint).toEqual(flag);
      }),
    );
  });
});

describe('text', () => {
  const schemaOf = (name: SettingName, command: (typeof COMMAND_NAMES)[number] = 'train') =>
    givenSchema(SETTINGS[name], SETTINGS[name].commands[command]);

  test.each<[SettingName, string, unknown]>([
    ['microBatch', 'auto', 'auto'],
    ['microBatch', '64', 64],
    ['augment', ' flip, crop,flip', ['crop', 'flip']],
    ['freeze', 'features.conv0, features.denseblock1', ['features.conv0', 'features.denseblock1']],
    ['channels', '3', 3],
    ['lr', '1e-3', 0.001],
    ['warmup', '0.5', 0.5],
    ['data', 'folder:my photos, 2', 'folder:my photos, 2'],
  ])('of %s: %j', (name, text, value) => expect(parseText(schemaOf(name), text)).toEqual({ value }));

  test.each<[SettingName, string, string]>([
    ['microBatch', '0', 'expected a whole number from 1 to 65536 or auto'],
    ['size', '1e2', 'expected a whole number from 1 to 8192'],
    ['seed', '-1', 'expected a whole number from 0 to 4294967295'],
    ['lr', '0', 'expected a number above 0'],
    ['lr', '', 'expected a number above 0'],
    ['lr', 'Infinity', 'expected a number above 0'],
    ['momentum', '1', 'expected a number from 0 and below 1'],
    ['testShare', '1', 'expected a number above 0 and below 1'],
    ['channels', '2', 'expected 1 or 3'],
    ['precision', 'f16', 'expected f32, bf16 or auto (did you mean bf16?)'],
    ['freeze', 'a,,b', 'expected names separated by commas'],
    ['augment', 'flip,blur', "expected some of resized-crop,crop,shift,flip,erase, not 'blur'"],
    ['data', 'idx:', 'expected fashion-mnist, sample, idx:DIR, folder:DIR, cifar10'],
    ['out', '', 'expected a path'],
  ])('of %s that is refused: %j', (name, text, problem) =>
    expect(parseText(schemaOf(name), text)).toEqual({ problem }),
  );

  test('of a plot must end in .svg', () => {
    expect(parseText(schemaOf('out', 'profile'), 'a.png')).toEqual({
      problem: 'expected the name of an .svg file',
    });
  });
});
