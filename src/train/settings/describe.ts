import type { z } from 'zod';
import { RECIPES, type Recipe } from '../recipes.ts';
import { shapeOf } from './parse.ts';
import { BY_RECIPE, type CommandName, RECIPE_COMMANDS, type Setting, type Variation } from './setting.ts';
import { givenSchema, notesValue, SETTINGS, type SettingName } from './table.ts';

/** The default of a setting as text: `96`, or `set by the recipe; notes: 0.1` if recipes differ. */
export function defaultText(name: SettingName, command: CommandName): string {
  const setting = SETTINGS[name];
  const { unset, required, ...variation } = setting.commands[command] ?? {};
  if (required) return '';
  if (unset !== undefined) return unset;
  const value = defaultValue(setting, variation);
  const text = value === undefined ? (setting.unset ?? '') : textOf(value);
  const isRecipes = RECIPE_COMMANDS.includes(command) && differsByRecipe(name, notesValue(setting));
  return isRecipes ? `${BY_RECIPE}${text}` : text;
}

/** The default value in a command without recipes. */
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

/** The value as the text of a flag: lists are separated by commas. */
export function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : `${value}`;
}

/** Help text of a setting in a command, with choices and default. */
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

/** Help text of a setting that is not in the table. */
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
