import type { RunConfig } from '../config.ts';
import { textOf } from './describe.ts';
import { SETTING_NAMES, SETTINGS, type SettingName } from './table.ts';

/** A setting given to a resumed run that contradicts the run. */
export interface Contradiction {
  readonly name: SettingName;
  /** As text. */
  readonly given: string;
  readonly has: string;
}

/**
 * The first setting that contradicts the resumed run.
 * @param channels of the run's images; its configuration does not contain them.
 */
export function contradictionOf(
  given: { readonly [Name in SettingName]?: unknown },
  config: RunConfig,
  channels: number,
): Contradiction | undefined {
  const { augment = [], normalize = 'none' } = config.transforms ?? {};
  const run: { readonly [Name in SettingName]?: unknown } = { ...config, augment, normalize, channels };
  for (const name of SETTING_NAMES) {
    if (SETTINGS[name].onResume !== 'same' || given[name] === undefined) continue;
    const [asked, has] = [given[name], run[name] ?? ''].map(textOf) as [string, string];
    if (asked !== has) return { name, given: asked, has: has || 'none' };
  }
  return undefined;
}
