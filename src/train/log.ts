import { existsSync, readFileSync } from 'node:fs';
import { appendToFile, writeFileAtomic } from '../io/atomic-file.ts';
import type { TrainEvent, TrainListener } from './events.ts';

/** One JSON object per event and line, each with the time it was written. */
export function logTo(path: string): TrainListener {
  return (event) => {
    if (event.kind === 'evaluating') return;
    appendToFile(path, `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
  };
}

/** Drops what a run that was killed logged after its last checkpoint: the resumed run does those steps again. */
export function truncateLog(path: string, globalStep: number): void {
  if (!existsSync(path)) return;
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  const beyond = lines.findIndex((line) => {
    const event = parse(line);
    return event === undefined || (event.kind === 'step' && event.globalStep > globalStep);
  });
  if (beyond >= 0)
    writeFileAtomic(
      path,
      lines
        .slice(0, beyond)
        .map((line) => `${line}\n`)
        .join(''),
    );
}

function parse(line: string): TrainEvent | undefined {
  try {
    return JSON.parse(line) as TrainEvent;
  } catch {
    return undefined; // Half a line: the process died writing it.
  }
}
