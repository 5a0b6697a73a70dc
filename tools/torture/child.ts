import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** How a process ended. */
export interface Ended {
  /** Exit status; -1: ended by a signal. */
  readonly status: number;
  readonly signal: NodeJS.Signals | null;
  readonly hung: boolean;
}

/** A started process. */
export interface Started {
  readonly child: ChildProcess;
  readonly isRunning: () => boolean;
  /** Waits for its end. After the limit it is killed and counts as hung. */
  ended(limitMs: number): Promise<Ended>;
}

export function start(command: string, words: readonly string[], options: SpawnOptions = {}): Started {
  const child = spawn(command, words, { stdio: 'ignore', ...options });
  const exit = new Promise<Omit<Ended, 'hung'>>((resolve) => {
    child.on('error', () => resolve({ status: 127, signal: null }));
    child.on('exit', (code, signal) => resolve({ status: code ?? -1, signal }));
  });
  let isRunning = true;
  void exit.then(() => {
    isRunning = false;
  });
  return {
    child,
    isRunning: () => isRunning,
    async ended(limitMs) {
      let hung = false;
      const timer = setTimeout(() => {
        hung = true;
        child.kill('SIGKILL');
      }, limitMs);
      const how = await exit;
      clearTimeout(timer);
      return { ...how, hung };
    },
  };
}

/** Starts the built command line with output to a file. */
export function startLogged(words: readonly string[], output: string, options: SpawnOptions = {}): Started {
  const file = openSync(output, 'w');
  try {
    return start(process.execPath, words, { stdio: ['ignore', file, file], ...options });
  } finally {
    closeSync(file);
  }
}

/** Waits for a condition. @returns false on timeout, or if the condition can no longer become true. */
export async function until(
  isSo: () => boolean,
  limitMs: number,
  {
    everyMs = 5,
    isHopeless = () => false,
  }: { readonly everyMs?: number; readonly isHopeless?: () => boolean } = {},
): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!isSo()) {
    if (performance.now() > end || isHopeless()) return isSo();
    await sleep(everyMs);
  }
  return true;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The last line of an output file. */
export function lastLineOf(output: string): string {
  return readFileSync(output, 'utf8').trim().split('\n').at(-1) ?? '';
}
