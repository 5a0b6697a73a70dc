import { askLab } from '../lab/client.ts';
import type { KnownRun } from './runs.ts';
import { commandServer } from './server-source.ts';

/** Asks a run that can be asked to pause, or to go on. */
export function togglePause(run: KnownRun): void {
  const kind = run.phase === 'paused' ? 'resume' : 'pause';
  if (run.source === 'tab') void askLab('command', { kind });
  else void commandServer({ kind });
}
