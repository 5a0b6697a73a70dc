import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { naming } from './atomic-file.ts';

/** Another process works in the folder. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

const FILE = 'run.lock';

/**
 * Takes a folder for this process; returns how to give it back. A lock whose process is gone is taken over.
 * @throws LockedError naming the process that holds it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, FILE);
  const mine = `${process.pid} ${hostname()}\n`;
  for (;;) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      return () => {
        if (readIfThere(path) === mine) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw naming(path, error);
      const holder = readIfThere(path);
      if (holder === undefined) continue; // Given back in this very moment.
      if (isAlive(holder)) {
        const [pid, host] = holder.trim().split(' ');
        throw new LockedError(
          `${folder} is in use by process ${pid} on ${host}: wait for it, or use another --out`,
        );
      }
      rmSync(path, { force: true });
    }
  }
}

/** Processes of other machines cannot be asked: they count as alive. */
function isAlive(holder: string): boolean {
  const [pid, host] = holder.trim().split(' ');
  if (host !== hostname()) return host !== undefined;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
