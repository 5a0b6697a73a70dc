import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, until } from './child.ts';
import type { LockAnswer, LockJob } from './lock-worker.ts';
import { tortureOddLocks } from './odd-locks.ts';
import { type Bounds, TortureUsageError } from './options.ts';
import { builtTool, LOCK_FILE, takeLock } from './product.ts';
import { type Below, randomOf } from './random.ts';
import type { Findings } from './report.ts';
import type { Scratch } from './scratch.ts';

/** The state of the lock file before the race. */
const BEFORE = ['none', 'stale', 'empty', 'garbage'] as const;
type Before = (typeof BEFORE)[number];

const PROCESSES = 4;
/** Number of races before unusual lock files are tested. */
const FIRST_ROUNDS = 200;
/** Time after which a process counts as hung. */
const ANSWER_MS = 10_000;

/** Races of processes for the lock of one folder: at most one may hold it at a time, and one must get it. */
export async function tortureLocks(bounds: Bounds, findings: Findings, scratch: Scratch): Promise<void> {
  const [, what, which] = bounds.reproduce?.split(':') ?? [];
  const known = BEFORE.find((each) => each === which);
  if (what === 'odd') return tortureOddLocks(bounds, await staleLock(scratch), findings, scratch);
  if (what !== undefined && (what !== 'race' || !known))
    throw new TortureUsageError(
      `${bounds.reproduce} is no lock: locks:race:${BEFORE.join('|')} or locks:odd:NAME`,
    );
  const stale = await staleLock(scratch);
  const children = await Promise.all(Array.from({ length: PROCESSES }, forkContender));
  try {
    for (let round = 0; !bounds.isOver(round); round++) {
      if (round === FIRST_ROUNDS && !known) await tortureOddLocks(bounds, stale, findings, scratch);
      const before = known ?? BEFORE[round % BEFORE.length]!;
      const folder = join(scratch.folder, `lock-${round}`);
      mkdirSync(folder);
      prepareLock(folder, before, stale);
      const answers = await race(children, randomOf(bounds.seed, round), {
        folderOf: () => folder,
        proof: `${folder}-proof`,
      });
      const problems = raceProblems(answers);
      if (problems.length === 0) problems.push(...(await isFree(folder)));
      const circumstances = `${PROCESSES} processes at once; lock before: ${before}`;
      const id = `locks:race:${before}`;
      findings.tried(
        'locks',
        `race, lock before: ${before}`,
        problems.map((problem) => ({ id, problem, circumstances })),
      );
      rmSync(folder, { recursive: true });
    }
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

/** Starts a process that takes locks on request. */
export async function forkContender(): Promise<ChildProcess> {
  const child = fork(builtTool('lock-worker.js'), { execArgv: [] });
  await new Promise((resolve) => child.once('message', resolve)); // Wait until it is ready.
  return child;
}

/** The content of the lock file of a killed process; empty if there is none. */
async function staleLock(scratch: Scratch): Promise<string> {
  const folder = join(scratch.folder, 'stale');
  mkdirSync(folder);
  const child = await forkContender();
  const proof = join(scratch.folder, 'stale-proof');
  child.send({ folder, proof, at: 0, holdMs: 60_000 } satisfies LockJob);
  if (!(await until(() => existsSync(proof), ANSWER_MS))) throw new Error('no process gets a lock');
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  const lock = join(folder, LOCK_FILE);
  return existsSync(lock) ? readFileSync(lock, 'utf8') : '';
}

function prepareLock(folder: string, before: Before, stale: string): void {
  const content = { none: undefined, stale, empty: '', garbage: 'no lock of ours \0\xff\n' }[before];
  if (content !== undefined) writeFileSync(join(folder, LOCK_FILE), content);
}

interface Race {
  /** The folder that process i locks: the same for all, except to simulate two holders. */
  readonly folderOf: (i: number) => string;
  /** A path that only the holder creates. */
  readonly proof: string;
  readonly holdMs?: number;
}

/** Runs one race: most processes start at the same time, some while the first one holds the lock. */
export async function race(
  children: ChildProcess[],
  below: Below,
  { folderOf, proof, holdMs = 2 + below(20) }: Race,
): Promise<readonly (LockAnswer | 'hung')[]> {
  const at = Date.now() + 8;
  const answers = children.map((child, i) => {
    const late = i > 1 && below(2) === 0 ? below(holdMs) : 0;
    const job: LockJob = { folder: folderOf(i), proof, at: at + late, holdMs };
    return new Promise<LockAnswer>((resolve) => {
      child.once('message', (answer) => resolve(answer as LockAnswer));
      child.send(job);
    });
  });
  const inTime = await Promise.all(
    answers.map((answer) => Promise.race([answer, sleep(ANSWER_MS).then(() => 'hung' as const)])),
  );
  for (const [i, answer] of inTime.entries()) {
    if (answer !== 'hung') continue;
    children[i]!.kill('SIGKILL');
    children[i] = await forkContender();
  }
  rmSync(proof, { recursive: true, force: true });
  return inTime;
}

export function raceProblems(answers: readonly (LockAnswer | 'hung')[]): string[] {
  const problems: string[] = [];
  const ends = answers.map((answer) => (answer === 'hung' ? 'hung' : answer.got));
  if (ends.includes('clash')) problems.push('two processes hold a lock at once');
  if (ends.includes('hung')) problems.push('a process hangs that wants a lock');
  if (ends.every((end) => end === 'refused')) problems.push('no process gets a lock that none holds');
  for (const answer of answers)
    if (answer !== 'hung' && answer.error !== undefined)
      problems.push(`a lock fails: ${answer.error.replace(/'[^']*'/g, 'PATH')}`);
  return [...new Set(problems)];
}

/** Problems with taking a lock that was released. */
async function isFree(folder: string): Promise<readonly string[]> {
  try {
    takeLock(folder)();
  } catch (error) {
    return [`a lock that was given back is not free: ${(error as Error).name}`];
  }
  return existsSync(join(folder, LOCK_FILE)) ? ['a lock that was given back is still there'] : [];
}
