import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainEvent } from '../../src/train/events.ts';

export type LoggedEvent = TrainEvent & { readonly time: string };

/** What the log of a training run has so far, in lines that are complete. @param run its folder, which may not be there yet */
export function readRunLog(run: string): LoggedEvent[] {
  const log = join(run, 'log.jsonl');
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LoggedEvent);
}

/** How many steps it has made. */
export function stepsOf(events: readonly LoggedEvent[]): number {
  return events.filter(({ kind }) => kind === 'step').length;
}
