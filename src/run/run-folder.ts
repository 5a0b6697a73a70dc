import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../data/dataset.ts';
import { makeFolder, removeFolders, removeStaleTemporaries } from '../node/files.ts';
import { type FolderLock, lockFolder } from '../node/folder-lock.ts';
import { noteUndone } from '../node/written.ts';
import type { RunConfig } from '../train/config.ts';
import { loadCheckpoint } from './checkpoint-file.ts';

/** The paths of the files of a run. */
export function runFiles(folder: string) {
  return {
    last: join(folder, 'last.safetensors'),
    best: join(folder, 'best.safetensors'),
    log: join(folder, 'log.jsonl'),
    curvesSvg: join(folder, 'curves.svg'),
    curvesPng: join(folder, 'curves.png'),
  } as const;
}

export type RunFiles = ReturnType<typeof runFiles>;

/** @throws DataError if a new run cannot use this folder. Does not modify it. */
export function requireFree(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory())
    throw new DataError(`${folder} is a file: expected a folder for \`out\``);
  const { last, best } = runFiles(folder);
  if (existsSync(last)) {
    throw new DataError(
      `${folder} already holds a run: continue it with \`resume\` ${folder}, or choose another \`out\``,
    );
  }
  if (existsSync(best) && !isUnfinishedImport(best)) {
    throw new DataError(
      `${folder} holds the best checkpoint of a run whose last one is missing: choose another \`out\`, ` +
        `and use its weights with \`from\` ${best}`,
    );
  }
}

/** An unused folder name below `runs`, derived from model and data. */
export function freeFolder({ model, data = 'unknown' }: RunConfig): string {
  const name = `${model}-${data.replace(/[^\w-]+/g, '-')}`;
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}

/** Whether an import was interrupted: `best` is written first, `last` is missing. It may then be repeated. */
function isUnfinishedImport(best: string): boolean {
  try {
    return loadCheckpoint(best).run.config.data === undefined;
  } catch {
    return false;
  }
}

/** A folder locked by this process. */
export interface ClaimedFolder extends FolderLock {
  /** Releases the folder without a saved run: removes the given files and the folders that were created. */
  abandon(made: readonly string[]): void;
}

/**
 * Creates and locks a folder for a new or resumed run.
 * @param others other files that only this process writes there.
 * @throws LockedError and system errors; everything created is then removed.
 */
export function claimFolder(folder: string, others: readonly string[] = []): ClaimedFolder {
  const folders = makeFolder(folder);
  try {
    const lock = lockFolder(folder);
    removeStaleTemporaries(folder, [...Object.values(runFiles(folder)), ...others]);
    return {
      ...lock,
      abandon(made) {
        for (const file of made) {
          try {
            rmSync(file, { force: true });
            noteUndone(file);
          } catch {} // The original error is reported.
        }
        lock.release();
        removeFolders(folders);
      },
    };
  } catch (error) {
    removeFolders(folders);
    throw error;
  }
}
