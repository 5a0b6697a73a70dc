import { CHOSEN_SETTINGS } from '../photos.ts';
import { RECIPE_NAMES, RECIPES, type Recipe } from '../recipes.ts';
import { defaultText, textOf } from './describe.ts';
import { expected, shapeOf } from './parse.ts';
import { COMMAND_NAMES, type CommandName, GROUPS, type OnResume, type Setting } from './setting.ts';
import {
  flagOf,
  givenSchema,
  notesValue,
  RUN_SETTING_NAMES,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
} from './table.ts';

/** The text of docs/settings.md. */
export function settingsPage(): string {
  return [
    '# Settings',
    '<!-- Generated from src/train/settings by `npm run docs:settings`: edit the table there. -->',
    'The command line uses the flag. `RunConfig`, experiment files (`compare`) and error messages of the library use the ' +
      'name. *Resume* is the effect of a setting given to `train --resume RUN`: *same*: it must equal the value of the ' +
      'run; *changeable*: it replaces the value of the run; *again*: checkpoints do not store it, so the command that Ctrl-C ' +
      'prints repeats it. `densor COMMAND --help` lists the settings of one command.',
    ...GROUPS.flatMap((group) => [`## ${group}`, table(HEADINGS, rowsOf(group))]),
    '## Recipes',
    '`--recipe NAME` sets the defaults of these settings. A dash means the value of `notes`.',
    table(['Setting', ...RECIPE_NAMES.map((name) => `\`${name}\``)], recipeRows()),
    '',
  ].join('\n\n');
}

const HEADINGS = ['Flag', 'Name', 'Description', 'Value', 'Default', 'Resume', 'Commands'];

function rowsOf(group: Setting['group']): readonly (readonly string[])[] {
  return SETTING_NAMES.filter((name) => SETTINGS[name].group === group).map(rowOf);
}

function rowOf(name: SettingName): readonly string[] {
  const setting = SETTINGS[name];
  const commands = COMMAND_NAMES.filter((command) => setting.commands[command] !== undefined);
  const [first] = commands as [CommandName, ...CommandName[]];
  return [
    `\`${flagOf(name)}\``,
    `\`${name}\``,
    sameInAll(commands, (command) => setting.commands[command]?.help ?? setting.help),
    setting.value === undefined ? 'a switch' : sameInAll(commands, (command) => valueText(setting, command)),
    setting.value === undefined
      ? 'off'
      : sameInAll(commands, (command) => defaultText(name, command) || 'required'),
    setting.onResume === undefined || first !== 'train' ? '' : (setting.onResume satisfies OnResume),
    commands.length === COMMAND_NAMES.length ? 'all' : commands.join(', '),
  ];
}

/** The text for the first command, then the texts of the commands that differ. */
function sameInAll(commands: readonly CommandName[], textIn: (command: CommandName) => string): string {
  const byText = new Map<string, CommandName[]>();
  for (const command of commands) {
    const text = textIn(command);
    byText.set(text, [...(byText.get(text) ?? []), command]);
  }
  const [[common] = [''], ...others] = [...byText];
  return [common, ...others.map(([text, names]) => `*${names.join(', ')}*: ${text}`)].join('; ');
}

function valueText(setting: Setting, command: CommandName): string {
  if (setting.unit === 'bytes') return 'a memory size';
  const { given, value = setting.value } = setting.commands[command] ?? {};
  const shape = shapeOf(givenSchema(setting, given && { given }));
  if (shape.items) return shape.items.enum ? `some of ${shape.items.enum.join(', ')}` : 'names';
  return shape.type === 'string' && !shape.enum ? `${value}` : expected(shape);
}

/** Settings for which some recipe differs from `notes`. */
function recipeRows(): readonly (readonly string[])[] {
  return RUN_SETTING_NAMES.flatMap((name) => {
    const notes = textOf(notesValue(SETTINGS[name]) ?? SETTINGS[name].unset);
    const values = RECIPE_NAMES.map((recipe) => {
      const value = (RECIPES[recipe] as Recipe & { readonly [Name in SettingName]?: unknown })[name];
      if (recipe === 'photos' && CHOSEN_SETTINGS.some((chosen) => chosen === name)) return 'from the images';
      return value === undefined || textOf(value) === notes ? '–' : textOf(value);
    });
    return values.every((value) => value === '–') ? [] : [[`\`${name}\``, notes, ...values.slice(1)]];
  });
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
