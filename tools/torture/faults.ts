import { cpSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { changedFiles, differences, leftovers, summarize, tornFiles, treeOf } from './check-run.ts';
import { canFail, describeError, FAULT_ERRORS, type FaultError } from './fault-fs.ts';
import { type PreparedScenario, prepareScenario, SCENARIOS } from './fault-scenarios.ts';
import type { Outcome } from './fault-worker.ts';
import { type Bounds, TortureUsageError } from './options.ts';
import { isPicture, isTemporary, LOCK_FILE, withoutRandom } from './product.ts';
import { type Below, randomOf } from './random.ts';
import type { Fault, Findings } from './report.ts';
import type { Scratch } from './scratch.ts';
import { shuffled } from './shuffle.ts';
import { type Answer, WorkerPool } from './worker-pool.ts';

/** One attempt: the `at`-th call of a scenario on a file fails. */
interface Attempt {
  readonly scenario: string;
  readonly error: FaultError;
  readonly at: number;
}

/**
 * Lets each file system call of each scenario fail in each way, rare calls first, within the time limit; then
 * repeats or resumes the command as a user would, and compares the result with a run without faults.
 */
export async function tortureFaults(bounds: Bounds, findings: Findings, scratch: Scratch): Promise<void> {
  const pool = new WorkerPool();
  try {
    const only = bounds.reproduce && parseId(bounds.reproduce);
    const wanted = SCENARIOS.filter(({ name }) => !only || name === only.scenario);
    const prepared = new Map<string, PreparedScenario>();
    for (const scenario of wanted)
      prepared.set(scenario.name, await prepareScenario(pool, scenario, scratch.folder));
    const attempts = only
      ? attemptsOf(only, prepared.get(only.scenario)!.calls)
      : plan([...prepared.values()], randomOf(bounds.seed, 0));
    let done = 0;
    for (const attempt of attempts) {
      if (bounds.isOver(done++)) break;
      const folder = join(scratch.folder, `attempt-${done}`);
      const { problems, hit } = await tryOne(pool, prepared.get(attempt.scenario)!, attempt, folder);
      const id = `faults:${attempt.scenario}:${attempt.error}:${attempt.at}`;
      const circumstances = `${describeError(attempt.error)}: ${withoutRandom(hit)}`;
      const kept = problems.some((problem) => findings.isNew(problem)) && { folder: scratch.keep(folder) };
      const faults = problems.map((problem): Fault => ({ id, problem, circumstances, ...kept }));
      findings.tried('faults', `${attempt.scenario} ${attempt.error}`, faults);
      rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    pool.end();
  }
}

/** One attempt or, without a call number, one for each call that can fail in this way. */
function attemptsOf({ scenario, error, at }: ParsedId, calls: readonly string[]): readonly Attempt[] {
  if (at === undefined) {
    return calls.flatMap((call, i) => (canFail(call, error) ? [{ scenario, error, at: i + 1 }] : []));
  }
  if (at > calls.length) throw new TortureUsageError(`${scenario} makes ${calls.length} calls`);
  return [{ scenario, error, at }];
}

type ParsedId = Omit<Attempt, 'at'> & { readonly at?: number };

function parseId(id: string): ParsedId {
  const [, scenario = '', error = '', at] = id.split(':');
  const known =
    SCENARIOS.some(({ name }) => name === scenario) && FAULT_ERRORS.find((each) => each === error);
  if (!known || !/^[1-9]\d*$/.test(at ?? '1'))
    throw new TortureUsageError(`${id} is no fault: faults:SCENARIO:ERROR, and :CALL unless all are meant`);
  return { scenario, error: known, ...(at !== undefined && { at: Number(at) }) };
}

/**
 * All attempts in order, alternating between scenarios. Of similar calls, such as the writes to one file, one is
 * early and the others are later.
 */
export function plan(prepared: readonly PreparedScenario[], below: Below): readonly Attempt[] {
  const ranked: { readonly attempt: Attempt; readonly rank: number; readonly turn: number }[] = [];
  for (const { scenario, calls } of prepared) {
    const candidates = [...calls.keys()].flatMap((i) =>
      FAULT_ERRORS.filter((error) => canFail(calls[i]!, error)).map((error) => ({ i, error })),
    );
    const alike = new Map<string, number>();
    const turns = new Map<number, number>();
    for (const { i, error } of shuffled(candidates, below)) {
      const sort = `${error} ${calls[i]}`;
      const rank = alike.get(sort) ?? 0;
      const turn = turns.get(rank) ?? 0;
      alike.set(sort, rank + 1);
      turns.set(rank, turn + 1);
      ranked.push({ attempt: { scenario: scenario.name, error, at: i + 1 }, rank, turn });
    }
  }
  return ranked.sort((a, b) => a.rank - b.rank || a.turn - b.turn).map(({ attempt }) => attempt);
}

/** Lets one call fail, then repeats or resumes the command. @returns the problems, and the call. */
export async function tryOne(
  pool: WorkerPool,
  prepared: PreparedScenario,
  { error, at }: Attempt,
  folder: string,
): Promise<{ readonly problems: readonly string[]; readonly hit: string }> {
  const { scenario, template, shared } = prepared;
  cpSync(template, folder, { recursive: true });
  const before = treeOf(folder);
  const { interrupt } = scenario;
  const answer = await pool.hit({
    words: scenario.words(folder, shared),
    root: folder,
    at,
    error,
    interrupt,
  });
  const usual = prepared.calls[at - 1] ?? `call ${at}`;
  const hit = typeof answer === 'string' ? usual : (answer.hit ?? usual);
  const problems = [
    ...endProblems(answer, error, hit, interrupt !== undefined),
    ...fileProblems(answer, hit, before, folder),
  ];
  if (leftovers(folder).some((file) => basename(file) === LOCK_FILE)) pool.discard(); // So that the lock is released.

  const isDone = typeof answer !== 'string' && answer.status === 0;
  if (!isDone) {
    const again = (scenario.again ?? scenario.words)(folder, shared);
    const rest = await pool.run({ words: again, root: folder });
    if (typeof rest === 'string') return { problems: [...problems, `does not go on: ${rest}`], hit };
    if (rest.status !== 0)
      return { problems: [...problems, `does not go on: ${lastLine(rest, folder)}`], hit };
  }
  const mayLackPictures = isDone && /warning: .*curves/.test(answer.stderr);
  const whatHappened = isDone ? 'says that it is done' : 'after going on';
  const isAllowed = (file: string) =>
    (mayLackPictures && isPicture(file)) ||
    (isDone && couldNotRemove(hit, file)) ||
    (scenario.isGuest && answer === 'killed' && isTemporary(file));
  const final = finalProblems(prepared, folder).filter(({ file }) => !isAllowed(file));
  problems.push(...final.map(({ text }) => withoutRandom(`${whatHappened}, ${text}`)));
  return { problems, hit };
}

/** The differences between a folder and the result without faults, with the files. */
function finalProblems(
  { reference, least, files, exact }: PreparedScenario,
  folder: string,
): readonly { readonly text: string; readonly file: string }[] {
  try {
    const now = treeOf(folder);
    const other = exact.filter((file) => now.has(file) && now.get(file) !== files.get(file));
    return [
      ...differences(summarize(folder), reference, least),
      ...other.map((file) => `${file} has other bytes`),
    ].map((text) => ({ text, file: text.split(' ', 1)[0]!.replace(/:$/, '') }));
  } catch (unreadable) {
    return [{ text: (unreadable as Error).message, file: '' }];
  }
}

/** Problems with the exit of a command with an injected fault. */
function endProblems(
  answer: Answer,
  error: FaultError,
  hit: string,
  isInterrupted: boolean,
): readonly string[] {
  if (typeof answer === 'string') {
    if (error === 'kill' && answer === 'killed') return [];
    return [
      answer === 'hung'
        ? `hangs where ${withoutRandom(hit)} fails`
        : `its process is ${answer} where ${withoutRandom(hit)} fails`,
    ];
  }
  const problems = answer.uncaught.map((each) => `nothing catches ${each}`);
  const { status, isEndless, stderr } = answer;
  if (error === 'kill') problems.push(`was not killed: ${hit} was not reached`);
  if (isEndless) problems.push('goes on writing where no bytes are written');
  if (![0, 1, 2].includes(status)) problems.push(`ends with status ${status}`);
  if (/unexpected|\n\s+at /.test(stderr)) problems.push(`has no words for it: ${lastLine(answer, '')}`);
  if (status !== 0 && stderr.trim() === '') problems.push(`ends with status ${status} and says nothing`);
  if (error === 'short' && status !== (isInterrupted ? 1 : 0))
    problems.push(`half a write ends it: ${lastLine(answer, '')}`);
  if (status === 0 && isSilent(error, hit, stderr))
    problems.push(`says nothing where ${withoutRandom(hit)} fails`);
  return problems;
}

/** How messages must name errors that can lose data. */
const TOLD: Partial<Readonly<Record<FaultError, RegExp>>> = {
  ENOSPC: /ENOSPC/,
  full: /ENOSPC/,
  EIO: /EIO/,
  EDQUOT: /EDQUOT|quota/,
};

/** Whether a failure that can lose data was not reported. Failed removals and reads may be retried or ignored. */
function isSilent(error: FaultError, hit: string, stderr: string): boolean {
  const [op = ''] = hit.split(' ');
  const matters = ['write', 'create', 'rename', 'fsync', 'mkdir', 'ftruncate'].includes(op);
  return matters && TOLD[error]?.test(stderr) === false;
}

/** Problems with the files after a command with an injected fault. */
function fileProblems(
  answer: Answer,
  hit: string,
  before: ReadonlyMap<string, string>,
  folder: string,
): readonly string[] {
  const problems = [...tornFiles(folder)];
  if (answer === 'killed') return problems;
  for (const left of leftovers(folder))
    if (!couldNotRemove(hit, left)) problems.push(`leaves ${withoutRandom(left)}`);
  if (typeof answer !== 'string' && answer.status === 2) {
    const changed = changedFiles(before, treeOf(folder)).map(withoutRandom);
    if (changed.length > 0) problems.push(`status 2, but it changed ${changed.join(', ')}`);
  }
  return problems;
}

/** Whether the failed call was the removal of this file, or its `stat` before. */
function couldNotRemove(hit: string, left: string): boolean {
  const [op = '', file = ''] = hit.split(' ');
  return file === left && ['rm', 'unlink', 'stat', 'lstat', 'fstat'].includes(op);
}

function lastLine({ stderr }: Outcome, folder: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return withoutRandom(
    (folder === '' ? line : line.replaceAll(folder, 'FOLDER')).replace(/\/\S*attempt-\d+/g, 'FOLDER'),
  );
}
