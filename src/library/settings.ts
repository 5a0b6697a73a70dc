import { ConfigError } from '../train/config.ts';
import { problemWith } from '../train/settings/parse.ts';
import type { CommandName } from '../train/settings/setting.ts';
import { givenSchema, SETTINGS, type SettingName } from '../train/settings/table.ts';
import { said } from './said.ts';

/**
 * Validates settings passed by a program, which have the names of the table.
 * @param command the command whose flags correspond to these settings.
 * @param others names of other options, which are not settings and are skipped.
 * @returns the given settings, parsed by their schemas. @throws ConfigError
 */
export function requireSettings(
  command: CommandName,
  names: readonly SettingName[],
  given: object,
  others: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (others.includes(key) || value === undefined) continue;
    const name = names.find((each) => each === key);
    if (!name) {
      throw new ConfigError(
        `there is no option \`${key}\`: expected some of ${[...names, ...others].join(', ')}`,
      );
    }
    const setting = SETTINGS[name];
    const schema = givenSchema(setting, setting.commands[command]);
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      throw new ConfigError(`\`${key}\` is ${said(value)}: ${problemWith(schema, value)}`, { setting: name });
    }
    settings[key] = parsed.data;
  }
  return settings;
}
