import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lastLineOf, startLogged, until } from './child.ts';
import { type Bounds, TortureUsageError } from './options.ts';
import { engineName, LOCK_FILE, LOG_FILE, MAIN } from './product.ts';
import type { Findings } from './report.ts';
import type { Scratch } from './scratch.ts';

/** An unusual file in place of the lock of a run. */
interface OddLock {
  readonly name: string;
  /** Creates it. @param stale content of the lock of a killed process. @param outside folder with other files. */
  readonly make: (lock: string, stale: string, outside: string) => void;
  /** Tested as a user who is not root. */
  readonly isForNobody?: true;
}

const DAY_MS = 86_400_000;
const NOBODY = 65_534;
/** Time limit for the rest of the run, even on a busy machine. */
const LIMIT_MS = 20_000;

const ODD: readonly OddLock[] = [
  { name: 'folder', make: (lock) => mkdirSync(lock) },
  { name: 'dangling-link', make: (lock, _, outside) => symlinkSync(join(outside, 'absent'), lock) },
  { name: 'link', make: (lock, _, outside) => symlinkSync(join(outside, 'precious'), lock) },
  { name: 'fifo', make: (lock) => void execFileSync('mkfifo', [lock]) },
  {
    name: 'unreadable',
    make: (lock, stale) => {
      writeFileSync(lock, stale);
      chmodSync(lock, 0);
    },
    isForNobody: true,
  },
  { name: 'empty', make: (lock) => writeFileSync(lock, '') },
  { name: 'garbage', make: (lock) => writeFileSync(lock, Uint8Array.of(0, 255, 10, 13, 200)) },
  { name: 'future', make: (lock, stale) => writeDated(lock, stale, DAY_MS) },
  { name: 'empty-future', make: (lock) => writeDated(lock, '', DAY_MS) },
  {
    name: 'reused-pid', // The id of this process, which never had the lock.
    make: (lock, stale) => writeFileSync(lock, stale.replace(/\d+/, `${process.pid}`)),
  },
  {
    name: 'other-host',
    make: (lock, stale) => writeDated(lock, stale.replace(hostname(), 'elsewhere'), -2 * DAY_MS),
  },
];

/**
 * Resumes a run with an unusual lock file, which must be taken over, or rejected with a message, within the limit.
 */
export async function tortureOddLocks(
  bounds: Bounds,
  stale: string,
  findings: Findings,
  scratch: Scratch,
): Promise<void> {
  const [, , only] = bounds.reproduce?.split(':') ?? [];
  const wanted = ODD.filter(({ name }) => only === undefined || name === only);
  if (wanted.length === 0)
    throw new TortureUsageError(`${bounds.reproduce}: expected ${ODD.map(({ name }) => name).join(', ')}`);
  const template = join(scratch.folder, 'odd-template');
  await makeInterruptedRun(template);
  for (const odd of wanted) {
    if (bounds.isOver(0)) break;
    const folder = join(scratch.folder, `odd-${odd.name}`);
    const problems = await tryOne(odd, template, folder, stale);
    const id = `locks:odd:${odd.name}`;
    const circumstances = `${LOCK_FILE} of a run to go on with: ${odd.name}`;
    findings.tried(
      'locks',
      'odd',
      problems.map((problem) => ({ id, problem, circumstances })),
    );
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeInterruptedRun(folder: string): Promise<void> {
  const words =
    '--model densenet-bc-10-4 --data sample --size 8 --batch 16 --limit 160 --epochs 3 --threads 1';
  const run = startLogged(
    [MAIN, 'train', ...words.split(' '), '--engine', engineName(), '--out', folder],
    `${folder}.txt`,
  );
  const log = join(folder, LOG_FILE);
  await until(() => existsSync(log) && readFileSync(log, 'utf8').includes('"kind":"step"'), LIMIT_MS);
  run.child.kill('SIGINT');
  const { status } = await run.ended(LIMIT_MS);
  if (status !== 1) throw new Error(`no interrupted run: ${lastLineOf(`${folder}.txt`)}`);
}

async function tryOne(
  { make, isForNobody }: OddLock,
  template: string,
  folder: string,
  stale: string,
): Promise<string[]> {
  const [run, outside, output] = [join(folder, 'run'), join(folder, 'outside'), join(folder, 'output')];
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, 'precious'), 'precious\n');
  cpSync(template, run, { recursive: true });
  make(join(run, LOCK_FILE), stale, outside);
  const asNobody = isForNobody && process.getuid?.() === 0;
  if (asNobody)
    for (const path of [run, ...readdirSync(run).map((name) => join(run, name))]) chownIfOurs(path);

  const words = [MAIN, 'train', '--resume', run, '--engine', engineName(), '--threads', '1'];
  const command = startLogged(words, output, asNobody ? { uid: NOBODY, gid: NOBODY } : {});
  const problems: string[] = [];
  if (!(await until(() => !command.isRunning(), LIMIT_MS, { everyMs: 20 }))) {
    command.child.kill('SIGINT');
    const { hung } = await command.ended(5000);
    problems.push(`hangs${hung ? ', and Ctrl-C does not end it' : ''}`);
  } else {
    const { status } = await command.ended(1);
    const line = lastLineOf(output).replaceAll(folder, 'FOLDER');
    const isInWords = status !== 0 && /lock|in use/.test(line) && !/unexpected/.test(line);
    if (status !== 0 && !isInWords) problems.push(`has no words for it, status ${status}: ${line}`);
  }
  if (readFileSync(join(outside, 'precious'), 'utf8') !== 'precious\n')
    problems.push('overwrites a file elsewhere');
  if (existsSync(join(outside, 'absent'))) problems.push('makes a file elsewhere');
  return problems;
}

function chownIfOurs(path: string): void {
  if (lstatSync(path).isSymbolicLink() || path.endsWith(LOCK_FILE)) return;
  chownSync(path, NOBODY, NOBODY);
}

function writeDated(path: string, content: string, aheadMs: number): void {
  writeFileSync(path, content);
  const date = new Date(Date.now() + aheadMs);
  utimesSync(path, date, date);
}
