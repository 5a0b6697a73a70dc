import type { z } from 'zod';
import { RECIPES, type Recipe } from '../recipes.ts';
import { shapeOf } from './parse.ts';
import { type CommandName, RECIPE_COMMANDS, type Setting, type Variation } from './setting.ts';
import { givenSchema, notesValue, SETTINGS, type SettingName } from './table.ts';

/** What a command does where the setting is not given: `96`, or `recipe's; notes: 0.1` where recipes differ. */
export function defaultText(name: SettingName, command: CommandName): string {
  const setting = SETTINGS[name];
  const { unset, required, ...variation } = setting.commands[command] ?? {};
  if (required) return '';
  if (unset !== undefined) return unset;
  const value = defaultValue(setting, variation);
  const text = value === undefined ? (setting.unset ?? '') : textOf(value);
  const isRecipes = RECIPE_COMMANDS.includes(command) && differsByRecipe(name, notesValue(setting));
  return isRecipes ? `recipe's; notes: ${text}` : text;
}

/** What a command without recipes takes where nothing is given. */
export function defaultValue(setting: Setting, variation: Variation = {}): unknown {
  if (variation.unset !== undefined || variation.required) return undefined;
  return variation.default ?? setting.default ?? notesValue(setting);
}

function differsByRecipe(name: SettingName, notes: unknown): boolean {
  return Object.values<Recipe>(RECIPES).some((recipe) => {
    const value = new Map(Object.entries(recipe)).get(name);
    return value !== undefined && `${value}` !== `${notes}`;
  });
}

/** As a flag has it: a list with commas. */
export function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : `${value}`;
}

/** Help of a setting in a command, with choices and default. */
export function helpText(name: SettingName, command: CommandName): string {
  const setting = SETTINGS[name];
  const { help = setting.help, required, ...variation } = setting.commands[command] ?? {};
  return withNotes(
    help,
    givenSchema(setting, variation),
    required ? undefined : defaultText(name, command),
    required,
  );
}

/** The same of a setting that is not in the table. */
export function settingHelp({
  schema,
  help,
  unset,
  default: value,
}: Pick<Setting, 'schema' | 'help' | 'unset' | 'default'>): string {
  return withNotes(help, schema, value === undefined ? unset : textOf(value));
}

function withNotes(help: string, schema: z.ZodType, text: string | undefined, required?: boolean): string {
  const choices = shapeOf(schema).enum;
  const notes = [
    ...(required ? ['required'] : []),
    ...(choices ? [`choices: ${choices.join(', ')}`] : []),
    ...(text ? [`default: ${text}`] : []),
  ];
  return `${help}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}
