import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DataError } from '../../data/dataset.ts';

/** Runs a program; rejects if it fails or is missing. Tests replace it. */
export type Run = (program: string, args: readonly string[], cwd: string) => Promise<unknown>;

/** Limits for one program. apt-get has a timeout for servers that do not respond, but none for slow ones. */
export interface ProgramLimits {
  readonly timeout: number;
  readonly maxBuffer: number;
}

const LIMITS: ProgramLimits = { timeout: 15 * 60_000, maxBuffer: 2 ** 22 };

/**
 * Runs programs with limits, in the current environment. @throws if a limit is exceeded; the program is then
 * killed.
 */
export function runWithin(limits: ProgramLimits): Run {
  return (program, args, cwd) => promisify(execFile)(program, [...args], { cwd, ...limits });
}

/**
 * Downloads a Debian or Ubuntu package without installing it, unpacks it into a temporary folder, and calls `use`
 * with that folder. Updates missing package lists if permitted.
 * @throws DataError with the step that failed.
 */
export async function fetchDebianPackage(
  name: string,
  use: (folder: string) => void,
  run: Run = runWithin(LIMITS),
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-'));
  try {
    try {
      await run('apt-get', ['download', name], folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new DataError('not a Debian or Ubuntu system');
      if (exceeded(error)) throw failure(`apt-get download ${name}`, error);
      await step('apt-get update', run('apt-get', ['update'], folder));
      await step(`apt-get download ${name}`, run('apt-get', ['download', name], folder));
    }
    const archive = readdirSync(folder).find((file) => file.endsWith('.deb'));
    if (!archive) throw new DataError(`apt-get download ${name} left no package`);
    await step('dpkg-deb', run('dpkg-deb', ['-x', archive, 'unpacked'], folder));
    use(join(folder, 'unpacked'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function step(what: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw failure(what, error);
  }
}

function failure(what: string, error: unknown): DataError {
  const lastLine = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
  const why = exceeded(error) ?? lastLine;
  return new DataError(`${what} failed${why ? `: ${why}` : ''}`);
}

/** The limit that the program exceeded, if any. */
function exceeded(error: unknown): string | undefined {
  const { code, killed } = error as { code?: unknown; killed?: boolean };
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it wrote too much';
  return killed ? 'it took too long' : undefined;
}
