import { defaultText } from './describe.ts';
import { type Parsed, parseText, shapeOf } from './parse.ts';
import type { CommandName, Group } from './setting.ts';
import { givenSchema, SETTINGS, type SettingName, settingsOf } from './table.ts';

/** A setting as the field of a form: plain data. */
export interface FormField {
  readonly name: SettingName;
  readonly group: Group;
  readonly help: string;
  /** `switch`: on or off. The others are texts for `parseSetting`. */
  readonly kind: 'number' | 'choice' | 'text' | 'switch';
  readonly choices?: readonly string[];
  /** What happens where it is not given. */
  readonly default: string;
}

/** The settings that a command takes, as a form. */
export function settingsForm(command: CommandName): readonly FormField[] {
  return settingsOf(command).map((name) => {
    const setting = SETTINGS[name];
    const variation = setting.commands[command] ?? {};
    const { type, enum: choices, anyOf } = shapeOf(givenSchema(setting, variation));
    const isNumber = type === 'number' || type === 'integer';
    const isSwitch = (variation.value ?? setting.value) === undefined;
    return {
      ...{ name, group: setting.group, help: variation.help ?? setting.help },
      kind: isSwitch ? 'switch' : choices ? 'choice' : isNumber && !anyOf ? 'number' : 'text',
      ...(choices && { choices: choices.map(String) }),
      default: defaultText(name, command),
    };
  });
}

/** The value of a setting from the text of a form, or what is wrong with it. */
export function parseSetting(command: CommandName, name: SettingName, text: string): Parsed {
  const setting = SETTINGS[name];
  return parseText(givenSchema(setting, setting.commands[command]), text);
}
