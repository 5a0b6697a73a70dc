import { resolve } from 'node:path';

/**
 * Files and folders outside the cache that this process has changed. Messages of failures depend on whether there
 * are any.
 */
const changed = new Set<string>();

export function noteChange(path: string): void {
  changed.add(resolve(path));
}

/** Records that a new file or folder was removed again. */
export function noteUndone(path: string): void {
  changed.delete(resolve(path));
}

/** Records that a changed file is in the cache. */
export function noteCached(path: string): void {
  changed.delete(resolve(path));
}

/** Clears the record, for processes that run several commands, such as tests. */
export function forgetChanges(): void {
  changed.clear();
}

export function hasChanged(): boolean {
  return changed.size > 0;
}
