import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DataError } from './dataset.ts';

/** Runs a program; rejects when it fails or is missing. Tests put another in its place. */
export type Run = (program: string, args: readonly string[], cwd: string) => Promise<unknown>;

const runProgram: Run = (program, args, cwd) => promisify(execFile)(program, [...args], { cwd });

/**
 * Fetches a package of Debian or Ubuntu without installing it, unpacks it into a temporary folder and hands that to
 * `use`. Missing package lists are refreshed where that is allowed.
 * @throws DataError saying which step failed.
 */
export async function fetchDebianPackage(
  name: string,
  use: (folder: string) => void,
  run: Run = runProgram,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-'));
  try {
    try {
      await run('apt-get', ['download', name], folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new DataError('not a Debian or Ubuntu system');
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
    const lines = (error as { stderr?: string }).stderr?.trim().split('\n') ?? [];
    throw new DataError(`${what} failed${lines.length > 0 ? `: ${lines.at(-1)}` : ''}`);
  }
}
