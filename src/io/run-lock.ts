import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { naming } from './atomic-file.ts';

/** Another process works in the folder. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

const FILE = 'run.lock';
/** What this process has: in a container, the process of an earlier start may have had its number and host. */
const held = new Set<string>();
/** A lock without a holder is one that is being written, unless it is older than this. */
const WRITING_MS = 5000;

/**
 * Takes a folder for this process; returns how to give it back. A lock whose process is gone is taken over.
 * @throws LockedError naming the process that holds it.
 */
export function lockFolder(folder: string): () => void {
  const path = resolve(folder, FILE);
  const mine = `${process.pid} ${hostname()}\n`;
  for (;;) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      held.add(path);
      return () => {
        held.delete(path);
        if (readIfThere(path) === mine) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw naming(path, error);
      const holder = readIfThere(path);
      if (holder === undefined) continue; // Given back in this very moment.
      const isHeld = holder === mine ? held.has(path) : holder === '' ? isYoung(path) : isAlive(holder);
      if (isHeld) {
        const [pid = '', host] = holder.trim().split(' ');
        const whose = host === undefined ? 'another process' : `process ${pid} on ${host}`;
        throw new LockedError(
          `${folder} is in use by ${whose}: wait for it, or use another --out (if it is gone, delete ${path})`,
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

function isYoung(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs < WRITING_MS;
  } catch {
    return false; // Given back in this very moment.
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
