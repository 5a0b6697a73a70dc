import { existsSync, readFileSync, statSync } from 'node:fs';
import { AppendFile } from '../node/files.ts';
import type { RunState } from '../train/checkpoint.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';

/** The log of a run: one line of JSON per event. */
export interface RunLog {
  /** Writes an event with a time stamp. */
  readonly listener: TrainListener;
  /** Makes the log durable. @returns its size in bytes, which the next checkpoint stores. */
  sync(): number;
  close(): void;
}

/** The log of a new run; truncates the log of an attempt that saved no checkpoint. */
export function newLog(path: string): RunLog {
  return openLog(path, 0);
}

/**
 * The log of a resumed run; removes events after the checkpoint, because these steps are repeated.
 * @param warn called if events before the checkpoint are missing.
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
      if (event.kind === 'evaluating') return; // Progress is not logged.
      file.append(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
    },
    sync() {
      file.sync();
      return file.bytes;
    },
    close: () => file.close(),
  };
}

/** Whether a log contains the end of its run; the process may have been interrupted after its last save. */
export function hasEnded(path: string): boolean {
  if (!existsSync(path)) return true; // Deleted by the user.
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return parse(lines.at(-1)!)?.kind === 'end';
}

/**
 * Checkpoints of format 1 do not store the size of the log: it is the offset of the first event after the
 * checkpoint.
 */
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
    return undefined; // An incomplete or damaged line.
  }
}
