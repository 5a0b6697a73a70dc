import { z } from 'zod';
import { IMAGE_SETTINGS, PROCESS_SETTINGS } from './other-settings.ts';
import { FIELDS } from './run-settings.ts';
import type { CommandName, Recorded, Setting, Variation } from './setting.ts';

/**
 * The settings: one table. Flags, `RunConfig`, the experiment file, the check of a resumed run and docs/settings.md are
 * derived from it. A new setting is a new entry in one of its parts: `run-settings.ts`, `training-settings.ts` or
 * `other-settings.ts`.
 */
type Fields = typeof FIELDS;
type FieldName = keyof Fields;
type RecordedName = { [Key in FieldName]: Fields[Key] extends Recorded ? Key : never }[FieldName];

/** Fields of `RunConfig` that a user sets. */
export type RunSettingName = Exclude<FieldName, RecordedName>;
export type ImageSettingName = keyof typeof IMAGE_SETTINGS;
/** A setting that a user may change: its flag in camel case. docs/settings.md describes each. */
export type SettingName = RunSettingName | ImageSettingName | keyof typeof PROCESS_SETTINGS;

type Table = Fields & typeof IMAGE_SETTINGS & typeof PROCESS_SETTINGS;
/** The settings that a command takes. */
export type SettingOf<Command extends CommandName> = {
  [Key in SettingName]: Table[Key] extends { commands: { [Name in Command]: unknown } } ? Key : never;
}[SettingName];
/** Those whose behavior is described where they are not given. */
export type UnsetSettingName = {
  [Key in SettingName]: Table[Key] extends { unset: string } ? Key : never;
}[SettingName];

/** The schema of `RunConfig`, field by field. */
export const FIELD_SCHEMAS = Object.fromEntries(
  Object.entries(FIELDS).map(([key, { schema }]) => [key, schema]),
) as { -readonly [Key in FieldName]: Fields[Key]['schema'] };

const isSetting = (entry: Setting | Recorded): entry is Setting => 'commands' in entry;

/** All settings by name; those of a run first. */
export const SETTINGS = Object.fromEntries(
  Object.entries({ ...FIELDS, ...IMAGE_SETTINGS, ...PROCESS_SETTINGS }).filter(([, entry]) =>
    isSetting(entry),
  ),
) as unknown as Readonly<Record<SettingName, Setting>>;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The settings of a recipe: those of a run and of its image preprocessing. */
export const RUN_SETTING_NAMES = SETTING_NAMES.filter(
  (name) => name in FIELDS || name in IMAGE_SETTINGS,
) as readonly (RunSettingName | ImageSettingName)[];

export function isSettingName(text: string): text is SettingName {
  return Object.hasOwn(SETTINGS, text);
}

/** `weightDecay` → `weight-decay`. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flag of a setting: `--weight-decay`. */
export function flagOf(name: string): string {
  return `--${kebab(name)}`;
}

/** The settings that a command takes. */
export function settingsOf(command: CommandName): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => SETTINGS[name].commands[command] !== undefined);
}

/** The schema of user input. */
export function givenSchema(setting: Setting, variation: Variation = {}): z.ZodType {
  const { schema, given = bare(schema) } = setting;
  return variation.given ?? given;
}

/** Without a default, and not optional. */
function bare(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? bare(schema.unwrap() as z.ZodType)
    : schema;
}

/** The value of a setting in the recipe `notes`; undefined if it has none. */
export function notesValue({ schema, notes }: Setting): unknown {
  return notes ?? (schema instanceof z.ZodDefault ? schema.parse(undefined) : undefined);
}

type Noted = { [Key in FieldName]: Fields[Key] extends { notes: unknown } ? Key : never }[FieldName];

/** The settings of the recipe `notes`, without the defaults in the schema of `RunConfig`. */
export const NOTES = Object.fromEntries(
  Object.entries(FIELDS).flatMap(([key, entry]) => ('notes' in entry ? [[key, entry.notes]] : [])),
) as { readonly [Key in Noted]: Fields[Key] extends { notes: infer Value } ? Value : never };
