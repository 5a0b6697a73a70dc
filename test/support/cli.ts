import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { type Ended, WarmProcess } from './warm.ts';

/** The built command line. */
export const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** A run of three short steps on the sample images. */
export const SMALL: readonly string[] =
  '--data sample --size 32 --batch 40 --limit 100 --epochs 1 --threads 2'.split(' ');

/** The same with a small network, for tests that do not depend on the network. */
export const SHORT: readonly string[] = [...SMALL, '--model', 'densenet-bc-10-4', '--size', '16'];

/** One per test file. */
const warm = new WarmProcess();
afterAll(() => warm.end());

/** The result of a command line. */
export interface Told extends Ended {
  /** Last line of stderr. */
  readonly lastLine: string;
}

/**
 * Runs `densor ARGS` in a folder, in a warm process that has run other commands, for speed. Use `densorProcess` to
 * test what main.ts adds (signals, failing output, start and exit), properties of the process (peak memory), and
 * PNG files.
 */
export async function densorIn(folder: string, ...args: readonly string[]): Promise<Told> {
  return told(await warm.run({ main: MAIN, folder, words: args }));
}

/** Runs `densor ARGS` in a folder, in a new process. */
export function densorProcess(folder: string, ...args: readonly string[]): Told {
  return told(spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', cwd: folder }));
}

/** The same with a limit on file sizes in KiB, to simulate a full disk. */
export function densorWithRoom(kibibytes: number, folder: string, ...args: readonly string[]): Told {
  const command = `ulimit -f ${kibibytes}; exec ${process.execPath} ${MAIN} ${args.join(' ')}`;
  return told(spawnSync('bash', ['-c', command], { encoding: 'utf8', cwd: folder }));
}

function told({ status, stdout, stderr }: Ended): Told {
  return { status, stdout, stderr, lastLine: stderr.trim().split('\n').at(-1)! };
}

/** A network and images so small that a run of hundreds of steps takes seconds. */
export const TINY: readonly string[] =
  '--model densenet-bc-10-4 --data sample --size 16 --batch 16 --threads 1'.split(' ');

/** The events of a run's log; empty without a log. */
export function eventsOf(run: string): readonly Readonly<Record<string, unknown>>[] {
  const log = join(run, 'log.jsonl');
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n');
  // The last element is empty, or an incomplete line.
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

/** The last step in a run's log. */
export function stepOf(run: string): number {
  return (eventsOf(run).findLast(({ kind }) => kind === 'step')?.globalStep as number | undefined) ?? 0;
}

/** Waits for a condition. @param what its description. @throws after a minute. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited a minute for: ${what}`);
}
