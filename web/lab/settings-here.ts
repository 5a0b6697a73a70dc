import type { SettingOf, UnsetSettingName } from '../../src/train/settings/table.ts';

/** Settings that mean nothing in a page. */
const ELSEWHERE = [
  ...(['model', 'data', 'dataDir', 'out', 'resume', 'from', 'weights', 'json', 'memoryLimit'] as const),
  ...(['strict', 'followLinks'] as const),
] as const;

/** A setting that the form of the Lab has. */
export type LabSetting = Exclude<SettingOf<'train'>, (typeof ELSEWHERE)[number]>;
/** Those that have a text in place of a default value. */
export type LabUnsetSetting = Extract<LabSetting, UnsetSettingName>;

export function isLabSetting(name: string): name is LabSetting {
  return !ELSEWHERE.some((each) => each === name);
}
