import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { leftovers, summarizeLog } from './check-run.ts';
import { sleep, until } from './child.ts';
import { type Bounds, TortureUsageError } from './options.ts';
import { engineName, LAST_FILE, LOG_FILE, MAIN, readCheckpoint, withoutRandom } from './product.ts';
import type { Fault, Findings } from './report.ts';
import type { Scratch } from './scratch.ts';
import { type Ending, SITUATIONS, type Situation } from './situations.ts';

/** Time limit for the next step or the end of the run, including startup and plots. */
const STEP_MS = 40_000;
/** Time limit for saving and ending after a signal. */
const END_MS = 20_000;
const STEPS_PER_EPOCH = 4;

/** Epochs of runs that are stopped at the third step, and of runs that continue to the end. */
const EPOCHS = { stops: 200, 'goes on': 6 };

/**
 * Sends signals to runs, and closes their terminals and outputs: nothing may be lost, whether they end or
 * continue.
 */
export async function tortureTerminals(bounds: Bounds, findings: Findings, scratch: Scratch): Promise<void> {
  const [, only] = bounds.reproduce?.split(':') ?? [];
  const wanted = SITUATIONS.filter(({ name }) => only === undefined || name === only);
  if (wanted.length === 0)
    throw new TortureUsageError(`${bounds.reproduce}: ${SITUATIONS.map(({ name }) => name).join(', ')}`);
  if (process.platform === 'win32') return findings.skipped('terminals', 'all', 'there are no signals here');
  for (const [i, situation] of wanted.entries()) {
    if (bounds.isOver(i)) break;
    const { name, needs, describe } = situation;
    if (needs && !isThere(needs)) {
      findings.skipped('terminals', name, `there is no ${needs}`);
      continue;
    }
    const folder = join(scratch.folder, `terminal-${name}`);
    const problems = await tryOne(situation, folder);
    const kept = problems.some((each) => findings.isNew(each)) &&
      existsSync(folder) && { folder: scratch.keep(folder) };
    const id = `terminals:${name}`;
    findings.tried(
      'terminals',
      name,
      problems.map((problem): Fault => ({ id, problem, circumstances: describe, ...kept })),
    );
    rmSync(folder, { recursive: true, force: true });
  }
}

function isThere(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

async function tryOne(situation: Situation, folder: string): Promise<readonly string[]> {
  const run = join(folder, 'run');
  const words = '--model densenet-bc-10-4 --data sample --size 8 --batch 16 --limit 64 --threads 1'.split(
    ' ',
  );
  const epochs = EPOCHS[situation.expects === 'goes on' ? 'goes on' : 'stops'];
  const command = [
    ...[process.execPath, MAIN, 'train', ...words, '--epochs', `${epochs}`, '--engine', engineName()],
    ...['--out', run],
  ];
  const started = situation.start(command, folder);
  const log = join(run, LOG_FILE);
  const steps = () => (existsSync(log) ? readFileSync(log, 'utf8').split('"kind":"step"').length - 1 : 0);
  try {
    if (!(await until(() => steps() >= 3, STEP_MS, { isHopeless: () => !started.isRunning() })))
      return [`does not train there: ${steps()} steps, ${started.isRunning() ? 'still running' : 'ended'}`];
    await started.disturb();
    const isGone = await until(
      () => !started.isTraining(),
      situation.expects === 'goes on' ? STEP_MS : END_MS,
    );
    if (!isGone) return [`hangs: it neither ends nor finishes, ${steps()} steps`];
    await sleep(50); // Wait until the parent process has its exit status.
    const status = started.status();
    const problems = [...endProblems(situation.expects, status, run, epochs), ...nothingLost(run)];
    const said = started.output();
    if (/Debugger listening/.test(said)) problems.push('opens a debugger');
    if (/\n\s+at .*\d+:\d+/.test(said))
      problems.push(`ends with a stack trace: ${said.match(/\w*Error: .*/)?.[0]}`);
    return problems;
  } finally {
    started.end();
  }
}

/** Problems with the end of a run. @param status exit status; undefined if unknown. */
function endProblems(expects: Ending, status: number | undefined, run: string, epochs: number): string[] {
  const isFinished = readFileSync(join(run, LOG_FILE), 'utf8').includes('"kind":"end"');
  switch (expects) {
    case 'saves, status 1':
      if (isFinished) return [`is not stopped: it finishes ${epochs * STEPS_PER_EPOCH} steps`];
      return status === undefined || status === 1 ? [] : [`ends with status ${status} instead of 1`];
    case 'goes on':
      if (!isFinished) return ['is stopped, though it has no terminal'];
      return status === undefined || status === 0 ? [] : [`finishes with status ${status}`];
    case 'either':
      return [];
    default:
      return expects satisfies never;
  }
}

/**
 * Problems after a run has ended: the checkpoint must match the end of the log, and no temporary file may remain.
 */
export function nothingLost(run: string): string[] {
  const problems = leftovers(run).map((file) => `leaves ${withoutRandom(file)}`);
  if (!readdirSync(run).includes(LAST_FILE)) return [...problems, 'there is no checkpoint'];
  try {
    const log = summarizeLog(readFileSync(join(run, LOG_FILE), 'utf8'));
    const logged = Math.max(0, ...log.step.map((step) => (JSON.parse(step) as [number])[0]));
    const saved = readCheckpoint(readFileSync(join(run, LAST_FILE)), LAST_FILE)!.run.progress.globalStep;
    if (logged > saved) problems.push(`loses steps: logged ${logged}, saved ${saved}`);
    if (logged < saved) problems.push(`the log lacks steps: logged ${logged}, saved ${saved}`);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return problems;
}
