import { mkdirSync, rmdirSync } from 'node:fs';
import { LockedError, takeLock } from './product.ts';

/** Takes a lock at a moment, in ms since 1970, and gives it back later. */
export interface LockErrand {
  readonly folder: string;
  /** A folder that exists while the lock is held: only one process can make it. */
  readonly proof: string;
  readonly at: number;
  readonly holdMs: number;
}

export interface LockAnswer {
  /** `refused`: another process has it; `clash`: another had it at the same time. */
  readonly got: 'held' | 'refused' | 'clash' | 'failed';
  readonly error?: string;
}

process.on('message', (errand: LockErrand) => process.send!(contend(errand)));
process.send!('ready');

function contend({ folder, proof, at, holdMs }: LockErrand): LockAnswer {
  while (Date.now() < at); // All at the same moment.
  let release: () => void;
  try {
    release = takeLock(folder);
  } catch (error) {
    if (error instanceof LockedError) return { got: 'refused' };
    return { got: 'failed', error: String(error) };
  }
  try {
    mkdirSync(proof);
  } catch {
    release();
    return { got: 'clash' };
  }
  const end = Date.now() + holdMs;
  while (Date.now() < end);
  rmdirSync(proof);
  try {
    release();
    return { got: 'held' };
  } catch (error) {
    return { got: 'failed', error: `gives back: ${error}` };
  }
}
