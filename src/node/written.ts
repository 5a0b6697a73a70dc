import { resolve, sep } from 'node:path';
import { cacheFolder } from './cache-folder.ts';

/** Files and folders that this process has changed. */
const changed = new Set<string>();

export function noteChange(path: string): void {
  changed.add(resolve(path));
}

/** Records that a new file or folder was removed again. */
export function noteUndone(path: string): void {
  changed.delete(resolve(path));
}

/** Clears the record, for processes that run several commands, such as tests. */
export function forgetChanges(): void {
  changed.clear();
}

/** Whether this process has changed anything outside the cache. Messages of failures depend on it. */
export function hasChanged(): boolean {
  if (changed.size === 0) return false;
  const cache = usableCache();
  return [...changed].some(
    (path) => cache === undefined || (path !== cache && !path.startsWith(cache + sep)),
  );
}

/** Undefined if there is no cache: then no change is in it. */
function usableCache(): string | undefined {
  try {
    return cacheFolder();
  } catch {
    return undefined;
  }
}
