import { signal } from '@preact/signals';
import { isLog, isSmooth, resets, toggle } from '../charts/chart-options.ts';
import { runsKey } from '../screens/runs.tsx';
import { togglePause } from './pause.ts';
import { route } from './route.ts';
import { runOf, viewOf } from './runs.ts';

export const isHelpOpen = signal(false);

/** Keys work where nothing is being written, and where no control of its own takes them. */
export function listenToKeys(): void {
  addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const element = target as HTMLElement;
    const isText = element.matches('input:not([type=checkbox]), textarea, select, [contenteditable]');
    if (key === 'Escape') {
      if (isText) element.blur();
      isHelpOpen.value = false;
      return;
    }
    if (isText) return;
    const isControl = element.matches('button, a, summary, [role=slider]');
    if (isControl && (key === 'Enter' || key === ' ')) return;
    if (handle(key)) event.preventDefault();
  });
}

function handle(key: string): boolean {
  const now = route.value;
  if (key === '?') isHelpOpen.value = !isHelpOpen.value;
  else if (key === '/') {
    const filter = document.querySelector<HTMLInputElement>('#filter');
    if (!filter) return false;
    filter.focus();
  } else if (key === 'l') toggle(isLog);
  else if (key === 's') toggle(isSmooth);
  else if (key === '0') resets.value++;
  else if (now.screen === 'runs') return runsKey(key);
  else if (key === ' ' && now.screen === 'run') {
    const run = runOf(now.id);
    if (!run?.isOwned) return false;
    togglePause(run.source === 'tab' ? { ...run, phase: viewOf(run.id).phase } : run);
  } else return false;
  return true;
}
