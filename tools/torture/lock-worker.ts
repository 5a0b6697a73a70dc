import { mkdirSync, rmdirSync } from 'node:fs';
import { LockedError, takeLock } from './product.ts';

/** A request to take a lock at a given time (ms since 1970), and to release it later. */
export interface LockJob {
  readonly folder: string;
  /** A folder that exists while the lock is held; only one process can create it. */
  readonly proof: string;
  readonly at: number;
  readonly holdMs: number;
}

export interface LockAnswer {
  /** `refused`: another process has the lock; `clash`: two processes had it at the same time. */
  readonly got: 'held' | 'refused' | 'clash' | 'failed';
  readonly error?: string;
}

process.on('message', (job: LockJob) => process.send!(contend(job)));
process.send!('ready');

function contend({ folder, proof, at, holdMs }: LockJob): LockAnswer {
  while (Date.now() < at); // Synchronizes the processes.
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
