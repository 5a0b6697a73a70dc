import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this clone. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The built command line. */
export const DENSOR = join(ROOT, 'dist/src/cli/main.js');

/** Debian's Python, which uses Debian's `python3-torch`. */
export const PYTHON = '/usr/bin/python3';

/** A script of bench/peers. */
export const peerScript = (name: string) => join(ROOT, 'bench/peers', name);

/** Runs something with a temporary folder, and removes it. */
export async function inTemporaryFolder<T>(use: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const WATCH_MS = 100;

export interface ProgramOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Called ten times a second. If it returns true, the process is interrupted like by Ctrl-C, and may exit with 1. */
  readonly watch?: () => boolean;
}

/** Runs a program until it ends. @returns its output. @throws if it fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { environment = {}, watch = () => false }: ProgramOptions = {},
): Promise<{ readonly out: string; readonly err: string }> {
  const env = { ...process.env, OMP_WAIT_POLICY: 'passive', ...environment };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += text));
  child.stderr.on('data', (text) => (said.err += text));
  let isInterrupted = false;
  const timer = setInterval(() => {
    if (isInterrupted || !watch()) return;
    isInterrupted = true;
    child.kill('SIGINT');
  }, WATCH_MS);
  const status = await new Promise((resolve) => child.on('close', resolve)).finally(() =>
    clearInterval(timer),
  );
  if (status !== 0 && !(isInterrupted && status === 1)) {
    throw new Error(`${program} ${args.join(' ')}: status ${status}: ${said.err}`);
  }
  return said;
}

/** Runs the command line until it ends. */
export function runDensor(args: readonly string[], options?: ProgramOptions) {
  return runProgram(process.execPath, [DENSOR, ...args], options);
}
