import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder for attempts. Folders of faults are moved out before it is removed. */
export interface Scratch {
  readonly folder: string;
  /** Keeps a folder. @returns its new path. */
  keep(folder: string): string;
  remove(): void;
}

export function openScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'densor-torture-'));
  chmodSync(folder, 0o755);
  let kept: string | undefined;
  let count = 0;
  return {
    folder,
    keep(found) {
      kept ??= mkdtempSync(join(tmpdir(), 'densor-torture-found-'));
      const target = join(kept, `${count++}`);
      renameSync(found, target);
      return target;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
