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
import { say } from './terminal.ts';

/** Defaults that depend on the machine. */
const MACHINE_DEFAULTS: { readonly [Name in SettingName]?: unknown } = { threads: availableParallelism() };

/** Commands with more options show them in groups. */
const MOST_UNGROUPED = 15;

/** An option of a single command. */
export interface OwnOption extends Pick<Setting, 'schema' | 'value' | 'help' | 'default' | 'unset'> {
  /** The name that a switch had in the version before: it works, and says what it is called now. */
  readonly formerly?: string;
}

/** A command apart from the options that the table of settings has for it. */
export interface CommandParts {
  readonly description: string;
  readonly arguments?: readonly Argument[];
  /** Options of this command alone, by camel-case name. */
  readonly own?: Readonly<Record<string, OwnOption>>;
  /** Example command lines without the program's name. */
  readonly examples: readonly string[];
  /** Loads what runs it: a function of the arguments, then the options. */
  readonly load: () => Promise<(...given: never[]) => void | Promise<void>>;
}

/** A command as the list of commands shows it: without its options. */
export function listedCommand(name: CommandName, parts: CommandParts): Command {
  const command = new Command(name).description(parts.description);
  for (const argument of parts.arguments ?? []) command.addArgument(argument);
  return command;
}

/** Creates a command with its options from the table of settings. */
export function commandOf(name: CommandName, parts: CommandParts): Command {
  const command = listedCommand(name, parts).action(async (...given) => {
    const run = await parts.load();
    await run(...(given as never[]));
  });
  for (const [key, own] of Object.entries(parts.own ?? {})) {
    command.addOption(option(key, own, settingHelp(own), own.default));
    if (own.formerly) addFormerName(command, own.formerly, key);
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

function addFormerName(command: Command, old: string, name: string): void {
  const made = new Option(flagOf(old)).hideHelp();
  command.addOption(made).on(`option:${made.name()}`, () => {
    say(`${flagOf(old)} is called ${flagOf(name)} now: the next version does not know the old name`);
    command.setOptionValue(name, true);
  });
}

/** The option of a setting in a command that takes it. */
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

/** What `bench` and `profile` are told of the step they measure. */
export interface MeasuredStepOptions {
  readonly model: string;
  readonly size?: number;
  readonly batch: number;
  readonly steps: number;
  readonly engine: EngineName;
  readonly threads: number;
  readonly inference?: boolean;
  readonly json?: boolean;
}

/** The default image size of measured steps: that of the notes, or of the network if smaller. */
export function withDefaultSize<Options extends MeasuredStepOptions>(
  given: Options,
): Options & { readonly size: number } {
  const size = given.size ?? Math.min(NOTES.size, imageSizeOf(given.model)!);
  return { ...given, size };
}
