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
    'The flag is what the command line takes, the name what `RunConfig`, experiment files (`compare`) and errors of the ' +
      'library say. *Resume* says what `train --resume RUN` does with a setting that is given again: *same*: it must ' +
      'agree with the run; *changeable*: the run takes the new one; *again*: no checkpoint holds it, and the command ' +
      'that Ctrl-C prints repeats it. `densor COMMAND --help` has what one command takes.',
    ...GROUPS.flatMap((group) => [`## ${group}`, table(HEADINGS, rowsOf(group))]),
    '## Recipes',
    '`--recipe NAME` is where settings that are not given come from. A dash is the value of the notes.',
    table(['Setting', ...RECIPE_NAMES.map((name) => `\`${name}\``)], recipeRows()),
    '',
  ].join('\n\n');
}

const HEADINGS = ['Flag', 'Name', 'What it is', 'Value', 'Default', 'Resume', 'Commands'];

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

/** The text of the first command, and of those that say otherwise. */
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
  if (setting.unit === 'bytes') return 'a size of memory';
  const { given, value = setting.value } = setting.commands[command] ?? {};
  const shape = shapeOf(givenSchema(setting, given && { given }));
  if (shape.items) return shape.items.enum ? `some of ${shape.items.enum.join(', ')}` : 'names';
  return shape.type === 'string' && !shape.enum ? `${value}` : expected(shape);
}

/** Settings in which a recipe differs from the notes. */
function recipeRows(): readonly (readonly string[])[] {
  return RUN_SETTING_NAMES.flatMap((name) => {
    const notes = textOf(notesValue(SETTINGS[name]) ?? SETTINGS[name].unset);
    const values = RECIPE_NAMES.map((recipe) => {
      const value = (RECIPES[recipe] as Recipe & { readonly [Name in SettingName]?: unknown })[name];
      if (recipe === 'photos' && CHOSEN_SETTINGS.some((chosen) => chosen === name)) return 'by the images';
      return value === undefined || textOf(value) === notes ? '–' : textOf(value);
    });
    return values.every((value) => value === '–') ? [] : [[`\`${name}\``, notes, ...values.slice(1)]];
  });
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
