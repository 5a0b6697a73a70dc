import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../data/dataset.ts';
import { removeStaleTemporaries } from '../io/atomic-file.ts';
import { lockFolder } from '../io/run-lock.ts';

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
  if (!statSync(folder).isDirectory()) throw new DataError(`${folder} is a file: --out wants a folder`);
  const { last, best } = runFiles(folder);
  if (existsSync(last) || existsSync(best)) {
    throw new DataError(
      `${folder} already holds a run: continue it with --resume ${folder}, or choose another --out`,
    );
  }
}

/** Takes a folder for a run, new or resumed; returns how to give it back. @throws LockedError */
export function claimFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder);
  removeStaleTemporaries(folder);
  return release;
}
