import { availableParallelism } from 'node:os';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { imageSizeOf } from '../model/zoo.ts';
import { registeredEngine } from '../run/engine-table.ts';
import { defaultValue, helpText, settingHelp } from '../train/settings/describe.ts';
import { parseText } from '../train/settings/parse.ts';
import { type CommandName, GROUPS, RECIPE_COMMANDS, type Setting } from '../train/settings/setting.ts';
import {
  flagOf,
  givenSchema,
  NOTES,
  SETTINGS,
  type SettingName,
  settingsOf,
} from '../train/settings/table.ts';
import { parseDataset } from './dataset-argument.ts';
import type { EngineName } from './engines.ts';
import { parseMemorySize } from './memory-size.ts';

/** Defaults that depend on the machine. */
const MACHINE_DEFAULTS: { readonly [Name in SettingName]?: unknown } = { threads: availableParallelism() };

/** Commands with more options show them in groups. */
const MOST_UNGROUPED = 15;

/** An option of a single command. */
export type OwnOption = Pick<Setting, 'schema' | 'value' | 'help' | 'default' | 'unset'>;

interface CommandParts {
  readonly description: string;
  readonly arguments?: readonly Argument[];
  /** Options of this command alone, by camel-case name. */
  readonly own?: Readonly<Record<string, OwnOption>>;
  /** Example command lines without the program's name. */
  readonly examples: readonly string[];
}

/** Creates a command with its options from the table of settings. */
export function commandOf(name: CommandName, parts: CommandParts): Command {
  const command = new Command(name).description(parts.description);
  for (const argument of parts.arguments ?? []) command.addArgument(argument);
  for (const [key, own] of Object.entries(parts.own ?? {})) {
    command.addOption(option(key, own, settingHelp(own), own.default));
  }
  const names = settingsOf(name);
  for (const group of GROUPS) {
    for (const each of names.filter((setting) => SETTINGS[setting].group === group)) {
      const made = settingOption(each, name);
      if (names.length > MOST_UNGROUPED) made.helpGroup(`${group}:`);
      command.addOption(made);
    }
  }
  command.configureHelp({ optionDescription: ({ description }) => description });
  const lines = parts.examples.map((example) => `  densor ${example}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** The option for a setting in a command. */
export function settingOption(name: SettingName, command: CommandName): Option {
  const setting = SETTINGS[name];
  const variation = setting.commands[command] ?? {};
  const fixed = RECIPE_COMMANDS.includes(command)
    ? (variation.default ?? setting.default) // Defaults of the recipe have priority.
    : defaultValue(setting, variation);
  const { value = setting.value } = variation;
  const parts = { ...setting, schema: givenSchema(setting, variation), ...(value && { value }) };
  const made = option(name, parts, helpText(name, command), MACHINE_DEFAULTS[name] ?? fixed);
  if (name === 'engine')
    made.argParser((text) => (registeredEngine(text) ? text : parserOf(parts.schema)(text)));
  if (name === 'data') made.argParser(parseDataset);
  return variation.required ? made.makeOptionMandatory() : made;
}

function option(
  name: string,
  { schema, value, unit }: Pick<Setting, 'schema' | 'value' | 'unit'>,
  help: string,
  fixed: unknown,
): Option {
  const made = new Option(`${flagOf(name)}${value === undefined ? '' : ` <${value}>`}`, help);
  if (value !== undefined) made.argParser(unit === 'bytes' ? parseMemorySize : parserOf(schema));
  return fixed === undefined ? made : made.default(fixed);
}

/** A parser for the text of an option, from its schema. */
function parserOf(schema: z.ZodType): (text: string) => unknown {
  return (text) => {
    const parsed = parseText(schema, text);
    if ('problem' in parsed) throw new InvalidArgumentError(parsed.problem);
    return parsed.value;
  };
}

/** A positional argument for a setting that other commands have as an option. */
export function settingArgument(name: SettingName): Argument {
  return new Argument(`<${name}>`, SETTINGS[name].help).argParser(parserOf(givenSchema(SETTINGS[name])));
}

/** A positional data set argument, as for `--data`. */
export function dataArgument(): Argument {
  return new Argument('[data]', 'folder of images or data set, as for --data').argParser(parseDataset);
}

/** The folder of a run. */
export function runArgument(): Argument {
  return new Argument('<run>', 'folder of the run (--out of train or import)');
}

/** A positional path argument. */
export function pathArgument(name: string, description: string): Argument {
  return new Argument(`<${name}>`, description).argParser(parserOf(givenSchema(SETTINGS.dataDir)));
}

export const NOTES_DEFAULTS = NOTES;

/** Options of `bench` and `profile` for the measured step. */
export interface MeasuredStepOptions {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly steps: number;
  readonly engine: EngineName;
  readonly threads: number;
  readonly inference?: boolean;
  readonly json?: boolean;
}

/** The default image size of measured steps: that of the notes, or of the network if smaller. */
export function withDefaultSize(command: Command): Command {
  return command.hook('preAction', (measured) => {
    const { size, model } = measured.opts<{ readonly size?: number; readonly model: string }>();
    measured.setOptionValue('size', size ?? defaultSize(model));
  });
}

function defaultSize(model: string): number {
  return Math.min(NOTES_DEFAULTS.size, imageSizeOf(model)!);
}
