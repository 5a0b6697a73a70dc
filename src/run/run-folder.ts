import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../data/dataset.ts';
import { makeFolder, removeFolders, removeStaleTemporaries } from '../node/files.ts';
import { type FolderLock, lockFolder } from '../node/folder-lock.ts';
import { noteUndone } from '../node/written.ts';
import type { RunConfig } from '../train/config.ts';
import { loadCheckpoint } from './checkpoint-file.ts';

/** Where each file of a run lies. */
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

/** @throws DataError when a new run cannot begin in this folder. Changes nothing. */
export function requireFree(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory())
    throw new DataError(`${folder} is a file: expected a folder for --out`);
  const { last, best } = runFiles(folder);
  if (existsSync(last)) {
    throw new DataError(
      `${folder} already holds a run: continue it with --resume ${folder}, or choose another --out`,
    );
  }
  if (existsSync(best) && !isUnfinishedImport(best)) {
    throw new DataError(
      `${folder} holds the best checkpoint of a run whose last one is missing: choose another --out, ` +
        `and use its weights with --from ${best}`,
    );
  }
}

/** A folder below `runs` that nothing is in yet, named after what is trained on what. */
export function freeFolder({ model, data = 'unknown' }: RunConfig): string {
  const name = `${model}-${data.replace(/[^\w-]+/g, '-')}`;
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}

/** An import writes `best` first: where it was ended before `last`, it may begin anew. */
function isUnfinishedImport(best: string): boolean {
  try {
    return loadCheckpoint(best).run.config.data === undefined;
  } catch {
    return false;
  }
}

/** A folder that this process works in. */
export interface ClaimedFolder extends FolderLock {
  /** Gives the folder back as it was found, where nothing was saved: files that were made there go, and new folders. */
  abandon(made: readonly string[]): void;
}

/**
 * Takes a folder for a run, new or resumed.
 * @param others files that only this process writes there, beside those of a run.
 * @throws LockedError and the system's errors; nothing is left of the attempt.
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
          } catch {} // What led here is the error to tell.
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
