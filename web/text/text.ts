import { signal } from '@preact/signals';
import { remember, remembered } from '../app/remembered.ts';
import { type Catalogue, en } from './en.ts';

export type Language = 'en' | 'zh';

/** The other languages are fetched when they are wanted. */
const CATALOGUES: Readonly<Record<Language, () => Promise<Catalogue>>> = {
  en: async () => en,
  zh: async () => (await import('./zh.ts')).zh,
};

const preferred = (): Language => (navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en');

export const language = signal<Language>('en');
const catalogue = signal<Catalogue>(en);

/** The texts of the language that is chosen. Read it while rendering: it changes. */
export function text(): Catalogue {
  return catalogue.value;
}

export async function chooseLanguage(chosen: Language): Promise<void> {
  catalogue.value = await CATALOGUES[chosen]();
  language.value = chosen;
}

/** The language that was chosen before, or that the browser prefers. */
export function startLanguage(): Promise<void> {
  return chooseLanguage(remembered('language', ['en', 'zh'], preferred()));
}

export function nextLanguage(): void {
  const next = language.value === 'zh' ? 'en' : 'zh';
  remember('language', next);
  void chooseLanguage(next);
}
