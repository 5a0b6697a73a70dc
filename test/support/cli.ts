import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built command line, as a user runs it. */
export const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** A run of three short steps on the sample images. */
export const SMALL: readonly string[] =
  '--data sample --size 32 --batch 40 --limit 100 --epochs 1 --threads 2'.split(' ');

/** Runs `densor ARGS` in a folder. */
export function densorIn(folder: string, ...args: readonly string[]) {
  return told(spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', cwd: folder }));
}

/** The same where no file may grow beyond so many KiB: stands for a full disk. */
export function densorWithRoom(kibibytes: number, folder: string, ...args: readonly string[]) {
  const command = `ulimit -f ${kibibytes}; exec ${process.execPath} ${MAIN} ${args.join(' ')}`;
  return told(spawnSync('bash', ['-c', command], { encoding: 'utf8', cwd: folder }));
}

function told({ status, stdout, stderr }: { status: number | null; stdout: string; stderr: string }) {
  return { status, stdout, stderr, lastLine: stderr.trim().split('\n').at(-1)! };
}
