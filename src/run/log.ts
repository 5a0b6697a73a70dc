import { existsSync, readFileSync, statSync } from 'node:fs';
import { AppendFile } from '../node/files.ts';
import type { RunState } from '../train/checkpoint.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';

/** The events of a run, a line of JSON each. */
export interface RunLog {
  /** Writes an event, with the time. */
  readonly listener: TrainListener;
  /** Makes what was written durable. @returns the log's length in bytes, for the checkpoint that is about to be saved. */
  sync(): number;
  close(): void;
}

/** Of a run that begins: what an attempt that saved nothing has left there goes. */
export function newLog(path: string): RunLog {
  return openLog(path, 0);
}

/**
 * Of a run that goes on: whatever the log says of the time after the checkpoint goes, because it will happen again.
 * @param warn told where the log lacks events that happened before.
 */
export function resumedLog(path: string, run: RunState, warn: (message: string) => void): RunLog {
  const { logBytes = logBytesOfFormat1(path, run) } = run;
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size < logBytes) {
    const lost =
      size === 0 ? 'the log is missing' : `the last ${logBytes - size} of its ${logBytes} bytes are missing`;
    warn(`warning: ${path}: ${lost}: events before step ${run.progress.globalStep} are lost`);
  }
  return openLog(path, logBytes);
}

function openLog(path: string, keepBytes: number): RunLog {
  const file = AppendFile.open(path, keepBytes);
  return {
    listener(event) {
      if (event.kind === 'evaluating') return; // Progress, not news.
      file.append(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
    },
    sync() {
      file.sync();
      return file.bytes;
    },
    close: () => file.close(),
  };
}

/** Whether a log tells of the end of its run: the last save may have been cut short after it was done. */
export function hasEnded(path: string): boolean {
  if (!existsSync(path)) return true; // Deleted by hand.
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return parse(lines.at(-1)!)?.kind === 'end';
}

/** Checkpoints of format 1 do not say how long the log was: it ends before the first step that they do not know of. */
function logBytesOfFormat1(path: string, { progress }: RunState): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return 0;
  let bytes = 0;
  let end = 0;
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    end += Buffer.byteLength(line) + 1;
    const event = parse(line);
    if (event?.kind === 'step' && event.globalStep > progress.globalStep) break;
    if (event) bytes = end;
  }
  return bytes;
}

function parse(line: string): TrainEvent | undefined {
  try {
    return JSON.parse(line) as TrainEvent;
  } catch {
    return undefined; // A line that was torn or damaged.
  }
}
