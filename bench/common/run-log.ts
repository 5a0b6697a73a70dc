import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainEvent } from '../../src/train/events.ts';

export type LoggedEvent = TrainEvent & { readonly time: string };

/** The events in the complete lines of a run's log. @param run its folder, which need not exist yet */
export function readRunLog(run: string): LoggedEvent[] {
  const log = join(run, 'log.jsonl');
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LoggedEvent);
}

/** Number of steps among the events. */
export function stepsOf(events: readonly LoggedEvent[]): number {
  return events.filter(({ kind }) => kind === 'step').length;
}
