import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './child.ts';

/** The expected reaction. `either`: the run may end or continue, but nothing may be lost. */
export type Ending = 'saves, status 1' | 'goes on' | 'either';

/** A run in progress. */
export interface Running {
  /** Whether the started process exists: a terminal, or the run itself. */
  readonly isRunning: () => boolean;
  /** Whether the run itself exists. */
  readonly isTraining: () => boolean;
  disturb(): Promise<void>;
  /** Exit status; undefined if unknown. */
  status(): number | undefined;
  output(): string;
  /** Kills the remaining processes. */
  end(): void;
}

export interface Situation {
  readonly name: string;
  readonly describe: string;
  readonly expects: Ending;
  /** A program that must be installed. */
  readonly needs?: string;
  readonly start: (command: readonly string[], folder: string) => Running;
}

/** The run is a child process whose output pipes are read. */
function signalled(signal: NodeJS.Signals): Situation['start'] {
  return (command) => {
    const { child, said } = piped(command);
    return running(child, said, async () => void child.kill(signal));
  };
}

function piped([program = '', ...words]: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes: Buffer) => (text += bytes));
  return { child, said: () => text };
}

function running(child: ChildProcess, output: () => string, disturb: () => Promise<void>): Running {
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    ...{ isRunning, isTraining: isRunning, disturb, output },
    status: () => child.exitCode ?? -1,
    end: () => void child.kill('SIGKILL'),
  };
}

/** The run is started by a shell command, which writes its process id to a file. */
function inShell(
  line: (run: string) => readonly string[],
  disturb: (at: { readonly shell: ChildProcess; readonly pid: number }) => void | Promise<void>,
  knowsStatus = false,
): Situation['start'] {
  return (command, folder) => {
    mkdirSync(folder, { recursive: true });
    const [pidFile, output] = [join(folder, 'pid'), join(folder, 'output')];
    const words = command.map((word) => `'${word}'`).join(' ');
    const [program = '', ...rest] = line(`echo $$ > '${pidFile}'; exec ${words}`);
    const file = openSync(output, 'w');
    const shell = spawn(program, rest, { stdio: ['ignore', file, file], cwd: folder });
    closeSync(file);
    const pid = () => (existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0);
    const isRunning = () => shell.exitCode === null && shell.signalCode === null;
    return {
      isRunning,
      isTraining: () => pid() > 0 && isAlive(pid()),
      disturb: async () => disturb({ shell, pid: pid() }),
      status: () => (knowsStatus ? (shell.exitCode ?? -1) : undefined),
      output: () =>
        [output, join(folder, 'nohup.out')]
          .map((name) => (existsSync(name) ? readFileSync(name, 'utf8') : ''))
          .join('\n')
          .replaceAll('\r', ''),
      end: () => {
        if (pid() > 0 && isAlive(pid())) process.kill(pid(), 'SIGKILL');
        shell.kill('SIGKILL');
      },
    };
  };
}

/** Whether a process is alive; zombies are not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

const inTerminal = (run: string) => ['script', '-qec', run, '/dev/null'];
const closeTerminal = ({ shell }: { readonly shell: ChildProcess }) => void shell.kill('SIGKILL');
const send =
  (signal: NodeJS.Signals) =>
  ({ pid }: { readonly pid: number }) =>
    void process.kill(pid, signal);

/** The run is a child process whose output pipes are closed. */
function unread(...closed: readonly ('stdout' | 'stderr')[]): Situation['start'] {
  return (command) => {
    const { child, said } = piped(command);
    return running(child, said, async () => {
      for (const name of closed) child[name]?.destroy();
      await until(() => child.exitCode !== null, 1500);
      child.kill('SIGINT');
    });
  };
}

const bash = (before: string, after: string) => (run: string) => ['bash', '-c', `${before}${run}${after}`];

/** External events during a run. Each occurs at its third step. */
export const SITUATIONS: readonly Situation[] = [
  { name: 'sigterm', describe: 'SIGTERM', expects: 'saves, status 1', start: signalled('SIGTERM') },
  { name: 'sigint', describe: 'SIGINT', expects: 'saves, status 1', start: signalled('SIGINT') },
  { name: 'sigusr1', describe: 'SIGUSR1', expects: 'saves, status 1', start: signalled('SIGUSR1') },
  { name: 'sigusr2', describe: 'SIGUSR2', expects: 'saves, status 1', start: signalled('SIGUSR2') },
  {
    name: 'sighup-no-terminal',
    describe: 'SIGHUP, and neither input nor outputs are a terminal',
    expects: 'goes on',
    start: signalled('SIGHUP'),
  },
  {
    name: 'sighup-terminal',
    describe: 'SIGHUP, on a terminal',
    expects: 'saves, status 1',
    needs: 'script',
    start: inShell(inTerminal, send('SIGHUP'), true),
  },
  {
    name: 'ctrl-c-terminal',
    describe: 'SIGINT, on a terminal',
    expects: 'saves, status 1',
    needs: 'script',
    start: inShell(inTerminal, send('SIGINT'), true),
  },
  {
    name: 'terminal-closed',
    describe: 'its terminal is closed',
    expects: 'saves, status 1',
    needs: 'script',
    start: inShell(inTerminal, closeTerminal),
  },
  {
    name: 'terminal-closed-hup-ignored',
    describe: 'its terminal is closed, and it was started with SIGHUP ignored',
    expects: 'either',
    needs: 'script',
    start: inShell((run) => inTerminal(`trap "" HUP; ${run}`), closeTerminal),
  },
  {
    name: 'nohup-terminal-closed',
    describe: 'its terminal is closed, and it was started by nohup',
    expects: 'goes on',
    needs: 'script',
    start: inShell((run) => inTerminal(`nohup sh -c "${run.replaceAll('$', '\\$')}"`), closeTerminal),
  },
  {
    name: 'setsid-nohup',
    describe: 'SIGHUP after setsid nohup',
    expects: 'goes on',
    needs: 'setsid',
    start: inShell((run) => ['setsid', 'nohup', 'sh', '-c', run], send('SIGHUP')),
  },
  {
    name: 'dev-full',
    describe: 'its output is on a full disk, then SIGINT',
    expects: 'saves, status 1',
    start: inShell(bash('', ' > /dev/full 2>&1'), send('SIGINT'), true),
  },
  {
    name: 'closed-outputs',
    describe: 'input and outputs are closed, then SIGINT',
    expects: 'saves, status 1',
    start: inShell(bash('', ' <&- >&- 2>&-'), send('SIGINT'), true),
  },
  {
    name: 'unread-stdout',
    describe: 'nobody reads its stdout any more, then SIGINT',
    expects: 'saves, status 1',
    start: unread('stdout'),
  },
  {
    name: 'unread-stderr',
    describe: 'nobody reads its stderr any more, then SIGINT',
    expects: 'saves, status 1',
    start: unread('stderr'),
  },
  {
    name: 'unread-outputs',
    describe: 'nobody reads its outputs any more, then SIGINT',
    expects: 'saves, status 1',
    start: unread('stdout', 'stderr'),
  },
];
