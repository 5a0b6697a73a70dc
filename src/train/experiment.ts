import { z } from 'zod';
import { ConfigError } from './config.ts';
import { type Overrides, type ResolvedRecipe, resolveRecipe } from './recipes.ts';
import { givenSchema, RUN_SETTING_NAMES, SETTINGS } from './settings/table.ts';

/**
 * Settings allowed in an experiment file: all settings of a recipe except the seed, which belongs to the experiment.
 */
const NAMES = RUN_SETTING_NAMES.filter(
  (name): name is keyof Settings => SETTINGS[name].inExperiment !== false,
);

/** Settings of a run in an experiment file: all that `resolveRecipe` takes. */
export type Settings = Omit<Overrides, 'seed'>;

const settingsShape = Object.fromEntries(NAMES.map((name) => [name, givenSchema(SETTINGS[name]).optional()]));
const settingsSchema = z.strictObject(settingsShape) as unknown as z.ZodType<Settings>;

/** Seeds for the runs of each configuration. */
export const seedsSchema = z
  .array(givenSchema(SETTINGS.seed) as z.ZodType<number>)
  .min(1, 'expected one seed or more')
  .refine((seeds) => new Set(seeds).size === seeds.length, 'a seed is repeated');

/** Names are used as folders, beside the files of the comparison itself. */
const configurationName = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]*$/, 'expected a name of letters, digits, - and _')
  .refine((name) => !/\.(json|md|svg|png|lock)$/.test(name), 'this is the name of a file');

/** Several configurations, each trained once with every seed; `common` has their shared settings. */
const experimentSchema = z.strictObject({
  /** The question, or what is known about it: printed with its networks, and first in its report. */
  about: z.string().optional(),
  common: settingsSchema.default({}),
  configurations: z
    .record(configurationName, settingsSchema)
    .refine((all) => Object.keys(all).length >= 2, 'expected two configurations or more'),
  seeds: seedsSchema,
});

export type Experiment = z.infer<typeof experimentSchema>;

/** @param source for error messages. @throws ConfigError that names the field. */
export function parseExperiment(value: unknown, source: string): Experiment {
  const parsed = experimentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const unknown = [...issue.path, issue.keys[0]!].join('.');
    const known = issue.path.length === 0 ? experimentSchema.shape : settingsShape;
    throw new ConfigError(`${source}: ${unknown}: no such field: expected ${Object.keys(known).join(', ')}`);
  }
  const message = issue.code === 'invalid_key' ? issue.issues[0]!.message : issue.message;
  throw new ConfigError(`${source}: ${field ? `${field}: ` : ''}${message}`);
}

/**
 * All images in minutes, with a standard deviation of the test accuracy of some thousandths: with the notes' constant
 * rate it is hundredths.
 */
const BUDGET = { recipe: 'quick' } as const;

/** Built-in experiments: the exercises of the notes. */
export const EXPERIMENTS = {
  /** Why do transitions use average pooling, not max pooling? */
  pooling: {
    common: BUDGET,
    configurations: { average: { model: 'notes' }, max: { model: 'notes-max-pool' } },
    seeds: [0, 1, 2],
  },
  /** How do a DenseNet's parameters, memory and accuracy compare with a ResNet's? */
  resnet: {
    common: { ...BUDGET, lr: 0.02 }, // With its own 0.1 and momentum 0.9 the ResNet diverges.
    configurations: { densenet: { model: 'notes' }, resnet18: { model: 'resnet18-d2l' } },
    seeds: [0, 1, 2],
  },
  /**
   * What is wrong with the notes' DenseNet-121? To be counted (`compare --dry-run`): a training step takes minutes.
   */
  'notes-121': {
    about: `The notes' 121 differs from the paper's in three things: a bottleneck is four times as wide as its layer's input, not
four times the growth rate, so cost and memory grow with the square of the depth; transitions do not pool, so all blocks
work at full size; and the third block has 23 layers instead of 24.`,
    common: { size: 96, batch: 64 },
    configurations: { 'as-printed': { model: 'notes-121-as-printed' }, corrected: { model: 'densenet121' } },
    seeds: [0],
  },
} as const satisfies Readonly<Record<string, Experiment>>;

/** One run of an experiment. */
export interface PlannedRun {
  readonly configuration: string;
  readonly seed: number;
  readonly recipe: ResolvedRecipe;
}

/**
 * All runs, the first seed of all configurations first, so that a machine that slows down affects all configurations
 * alike.
 * @throws ConfigError
 */
export function runsOf({ common, configurations, seeds }: Experiment): readonly PlannedRun[] {
  return seeds.flatMap((seed) =>
    Object.entries(configurations).map(([configuration, settings]) => {
      try {
        return { configuration, seed, recipe: resolveRecipe({ ...common, ...settings, seed }) };
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const { setting, message } = error;
        throw new ConfigError(`configuration ${configuration}: ${message}`, {
          cause: error,
          ...(setting && { setting }),
        });
      }
    }),
  );
}

/**
 * The same with other common settings and seeds.
 * @throws ConfigError when a configuration has the same setting: it is unclear which one applies.
 */
export function withOverrides(
  experiment: Experiment,
  settings: Settings,
  seeds?: readonly number[],
): Experiment {
  for (const [name, own] of Object.entries(experiment.configurations)) {
    const key = NAMES.find((each) => settings[each] !== undefined && own[each] !== undefined);
    if (key) {
      throw new ConfigError(
        `\`${key}\` ${settings[key]} contradicts configuration ${name}, which has its own ${key}, ${own[key]}`,
        { setting: key },
      );
    }
  }
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return {
    ...experiment,
    common: { ...experiment.common, ...Object.fromEntries(given) },
    ...(seeds && { seeds: [...seeds] }),
  };
}

/** The first setting in which two experiments differ, in words: `common.epochs is 2 there, 3 here`. */
export function differenceOf(there: Experiment, here: Experiment): string | undefined {
  const [old, now] = [flatten(there), flatten(here)];
  const key = [...new Set([...old.keys(), ...now.keys()])].find((each) => old.get(each) !== now.get(each));
  return key && `${key} is ${old.get(key) ?? 'not set'} there, ${now.get(key) ?? 'not set'} here`;
}

function flatten({ common, configurations, seeds }: Experiment): ReadonlyMap<string, string> {
  const rows = [
    ['common', common],
    ...Object.entries(configurations).map(([name, own]) => [`configurations.${name}`, own]),
  ];
  return new Map([
    ['seeds', seeds.join(',')],
    ['configurations', Object.keys(configurations).join(', ')],
    ...(rows as [string, Settings][]).flatMap(([at, settings]) =>
      Object.entries(settings).map(
        ([key, value]) => [`${at}.${key}`, JSON.stringify(value)] as [string, string],
      ),
    ),
  ]);
}
