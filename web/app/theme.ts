import { signal } from '@preact/signals';
import { remember, remembered } from './remembered.ts';

const THEMES = ['auto', 'dark', 'light'] as const;
const system = matchMedia('(prefers-color-scheme: dark)');

/** Whether the page is dark now: what is drawn on a canvas is drawn again when it changes. */
export const isDark = signal(system.matches);

/** Colours that canvases use. They are registered, so that their computed value is a colour and not `light-dark(…)`. */
const DRAWN = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'band', 'text', 'muted', 'line', 'raised'];

export function startTheme(): void {
  for (const name of DRAWN)
    CSS.registerProperty({ name: `--${name}`, syntax: '<color>', inherits: true, initialValue: '#000' });
  setTheme(remembered('theme', THEMES, 'auto'));
  system.addEventListener('change', () => setTheme(remembered('theme', THEMES, 'auto')));
}

export function nextTheme(): void {
  const next = isDark.value ? 'light' : 'dark';
  remember('theme', next);
  setTheme(next);
}

function setTheme(theme: (typeof THEMES)[number]): void {
  document.documentElement.dataset.theme = theme;
  isDark.value = theme === 'auto' ? system.matches : theme === 'dark';
}

/** A colour of the style sheet as canvases take it. */
export function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
