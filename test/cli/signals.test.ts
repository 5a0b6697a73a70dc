import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { eventsOf, MAIN, stepOf, TINY, until } from '../support/cli.ts';

const isLinux = process.platform === 'linux';
const LONG = [MAIN, 'train', ...TINY, '--limit', '320', '--epochs', '1000', '--out', 'run'];

let folder: string;
let started: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  started = [];
});
afterEach(async () => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const run = () => join(folder, 'run');
const isFree = () => !existsSync(join(run(), 'run.lock'));
/** The id of the training process. */
const trainer = (): number => JSON.parse(readFileSync(join(run(), 'run.lock'), 'utf8')).pid;

function start(words: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [program = '', ...rest] = words;
  const child = spawn(program, rest, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  started.push(child);
  return child;
}

/** Trains in a new pseudoterminal (`script` of util-linux). */
function startInTerminal(command: string): ChildProcess {
  // In a new session, so that the test's terminal is not the trainer's.
  return start(['setsid', 'script', '-qec', command, '/dev/null'], { stdio: ['pipe', 'ignore', 'ignore'] });
}

const afterSteps = (count: number) => until(`step ${count}`, () => stepOf(run()) >= count);

/**
 * Checks that nothing is lost: the checkpoint is of the last step, the log has the reason, and the folder is
 * unlocked.
 */
function expectSaved(): void {
  const { progress } = loadCheckpoint(join(run(), 'last.safetensors')).run;
  expect(progress.globalStep).toBe(stepOf(run()));
  expect(eventsOf(run()).at(-2)).toMatchObject({ kind: 'stopped', reason: 'interrupted' });
  expect(readdirSync(run()).filter((name) => /lock|partial/.test(name))).toEqual([]);
}

describe('a run is saved and ends', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const)('at %s', async (signal) => {
    const child = start([process.execPath, ...LONG]);
    const said = child.stderr!.setEncoding('utf8').toArray();
    await afterSteps(3);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([1, null]);
    expectSaved();
    const text = (await said).join('');
    expect(text).toMatch(/finishing this step, then saving[\s\S]*continue with: node .*train --resume run/);
    expect(text).not.toMatch(/Debugger/);
  });

  test('although batch systems send several signals', async () => {
    const child = start([process.execPath, ...LONG]);
    await afterSteps(3);
    for (const signal of ['SIGUSR1', 'SIGTERM', 'SIGCONT', 'SIGTERM', 'SIGUSR2'] as const) child.kill(signal);
    expect(await once(child, 'exit')).toEqual([1, null]);
    expectSaved();
  });

  test.runIf(isLinux)('when its terminal is closed', async () => {
    const terminal = startInTerminal(`${process.execPath} ${LONG.join(' ')}`);
    await afterSteps(3);
    terminal.kill('SIGKILL');
    await until('the folder to be free', isFree);
    expectSaved();
  });
});

describe('a run continues', () => {
  /** Checks that the run continues for some steps; then ends it. */
  async function expectToGoOn(): Promise<void> {
    await afterSteps(stepOf(run()) + 20);
    process.kill(trainer(), 'SIGTERM');
    await until('the folder to be free', isFree);
    expectSaved();
  }

  test('at SIGHUP without a terminal, as with nohup, and says so', async () => {
    const child = start(['nohup', process.execPath, ...LONG]);
    const said = child.stderr!.setEncoding('utf8').toArray();
    await afterSteps(3);
    child.kill('SIGHUP');
    await expectToGoOn();
    expect((await said).join('')).toMatch(/SIGHUP ignored: this process has no terminal/);
  });

  test.runIf(isLinux)('with nohup in a terminal that is closed', async () => {
    const terminal = startInTerminal(`nohup ${process.execPath} ${LONG.join(' ')}; sleep 100`);
    await afterSteps(3);
    terminal.kill('SIGKILL');
    await expectToGoOn();
  });

  test.runIf(isLinux)('in the background of a terminal that is closed, its output still on it', async () => {
    const command = `exec setsid ${process.execPath} ${LONG.join(' ')}`;
    const terminal = startInTerminal(`bash -c '(${command}) & sleep 100'`);
    await afterSteps(3);
    terminal.kill('SIGKILL');
    await expectToGoOn();
  });

  test.each([['stdout'], ['stderr']] as const)('if its %s is closed', async (stream) => {
    const child = start([process.execPath, ...LONG]);
    await afterSteps(3);
    child[stream]!.destroy();
    await expectToGoOn();
  });
});

describe('a run succeeds', () => {
  const SHORT = [MAIN, 'train', ...TINY, '--limit', '48', '--epochs', '2', '--out', 'run'];
  const expectFinished = () => {
    const { last, progress } = loadCheckpoint(join(run(), 'last.safetensors')).run;
    expect([progress.epoch, typeof last!.testAccuracy]).toEqual([2, 'number']);
    expect(eventsOf(run()).at(-1)!.kind).toBe('end');
    expect(isFree()).toBe(true);
  };

  test.runIf(isLinux)(
    'where all its output goes to a disk that is full: lost results are a failure',
    async () => {
      const full = openSync('/dev/full', 'w');
      const child = start([process.execPath, ...SHORT], { stdio: ['ignore', full, full] });
      expect(await once(child, 'exit')).toEqual([1, null]);
      expectFinished();
    },
  );

  test.runIf(isLinux)('if only its messages are lost', async () => {
    const full = openSync('/dev/full', 'w');
    const child = start([process.execPath, ...SHORT], { stdio: ['ignore', 'pipe', full] });
    const results = child.stdout!.setEncoding('utf8').toArray();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect((await results).join('')).toMatch(/^loss .*, train acc .*, test acc /);
    expectFinished();
  });

  test.skipIf(process.platform === 'win32')('without stdin, stdout and stderr', async () => {
    const child = start(['bash', '-c', 'exec "$@" <&- >&- 2>&-', 'bash', process.execPath, ...SHORT]);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expectFinished();
  });
});
