import { resolve } from 'node:path';

/** Files and folders outside the caches that this process has changed: whether a failure may say that nothing was. */
const changed = new Set<string>();

export function noteChange(path: string): void {
  changed.add(resolve(path));
}

/** What was made is removed again. */
export function noteUndone(path: string): void {
  changed.delete(resolve(path));
}

/** Begins anew: one process may run several commands, as the tests do. */
export function forgetChanges(): void {
  changed.clear();
}

export function hasChanged(): boolean {
  return changed.size > 0;
}
