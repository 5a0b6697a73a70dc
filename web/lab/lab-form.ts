import { type FormField, MODEL_NAMES, type PageFitOptions, parseSetting, settingsForm } from 'densor/browser';
import { isLabSetting } from './settings-here.ts';

/** The settings of a run in this browser, and the networks. */
export function labForm(): { readonly fields: readonly FormField[]; readonly models: readonly string[] } {
  const fields = settingsForm('train')
    .filter(({ name }) => isLabSetting(name))
    .map((field) => {
      if (field.name === 'recipe') return { ...field, default: 'photos' };
      const engines = 'gpu' in navigator ? ['wasm', 'webgpu'] : ['wasm'];
      return field.name === 'engine' ? { ...field, choices: engines, default: 'wasm' } : field;
    });
  return { fields, models: MODEL_NAMES };
}

class SettingError extends Error {
  readonly setting: string;
  constructor(setting: string, message: string) {
    super(message);
    this.setting = setting;
  }
}

/** What is written in the form. @throws SettingError */
export function parseSettings(texts: Readonly<Record<string, string>>): PageFitOptions {
  const fields = new Map(settingsForm('train').map((field) => [field.name as string, field]));
  const entries = Object.entries(texts).flatMap(([name, text]): [string, unknown][] => {
    const field = fields.get(name);
    if (!field || text === '') return [];
    if (field.kind === 'switch') return text === 'on' ? [[name, true]] : [];
    const parsed = parseSetting('train', field.name, text);
    if ('problem' in parsed) throw new SettingError(name, parsed.problem);
    return [[name, parsed.value]];
  });
  return Object.fromEntries(entries) as PageFitOptions;
}
