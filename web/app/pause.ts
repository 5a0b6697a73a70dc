import type { Command } from '../../src/live/protocol.ts';
import type { KnownRun } from './runs.ts';
import { commandServer } from './server-source.ts';
import { commandTab } from './tab-source.ts';

/** Asks a run that can be asked. */
export function command(run: KnownRun, kind: Command['kind']): void {
  if (run.source === 'tab') commandTab(run.id, { kind });
  else void commandServer({ kind });
}

/** Asks a run that can be asked to pause, or to go on. */
export function togglePause(run: KnownRun): void {
  command(run, run.phase === 'paused' ? 'resume' : 'pause');
}
