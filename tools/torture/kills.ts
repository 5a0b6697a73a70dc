import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { differences, type FolderSummary, summarize, tornFiles } from './check-run.ts';
import { lastLineOf, type Started, sleep, startLogged, until } from './child.ts';
import { type Bounds, TortureUsageError } from './options.ts';
import { engineName, isTemporary, LAST_FILE, LOG_FILE, MAIN } from './product.ts';
import { type Below, randomOf } from './random.ts';
import type { Fault, Findings } from './report.ts';
import type { Scratch } from './scratch.ts';

/** The runs to kill: short, with many checkpoints. */
export const CONFIGURATIONS: Readonly<Record<string, readonly string[]>> = {
  sgd: ['--limit', '32', '--epochs', '4', '--lr', '0.1'],
  adamw: [
    ...['--limit', '32', '--epochs', '4', '--optimizer', 'adamw', '--lr', '0.002', '--ema', '0.9'],
    ...['--validate', '0.2', '--augment', 'crop,flip', '--schedule', 'cosine', '--precision', 'bf16'],
  ],
};
const COMMON = '--model densenet-bc-10-4 --data sample --size 8 --batch 16 --threads 1'.split(' ');

/** Maximum number of kills of a run, which is then allowed to finish. */
const MAX_KILLS = 8;
const LIMIT_MS = 60_000;

/** Kills runs at random times, resumes them until they are finished, and compares with an undisturbed run. */
export async function tortureKills(bounds: Bounds, findings: Findings, scratch: Scratch): Promise<void> {
  const references = new Map<string, FolderSummary>();
  const names = Object.keys(CONFIGURATIONS);
  const [, onlyName, onlySeries] = bounds.reproduce?.split(':') ?? [];
  if (onlyName !== undefined && !names.includes(onlyName))
    throw new TortureUsageError(`${bounds.reproduce} is no series of kills: kills:CONFIGURATION:SERIES`);
  let allKills = 0;
  for (let series = 0; ; series++) {
    const name = onlyName ?? names[series % names.length]!;
    if (onlyName === undefined ? bounds.isOver(allKills) : series > 0) break;
    const number = onlyName === undefined ? series : Number(onlySeries);
    const folder = join(scratch.folder, `kills-${number}`);
    const reference =
      references.get(name) ?? (await undisturbed(name, join(scratch.folder, `kills-${name}`)));
    references.set(name, reference);
    const isEnough = (kills: number) =>
      kills >= MAX_KILLS || (onlyName === undefined && bounds.isOver(allKills + kills));
    const { problems, kills } = await killUntilDone(name, folder, reference, {
      below: randomOf(bounds.seed, number),
      isEnough,
    });
    allKills += kills;
    const kept = problems.some((each) => findings.isNew(each)) && { folder: scratch.keep(folder) };
    const circumstances = `killed ${kills} times`;
    const id = `kills:${name}:${number}`;
    findings.tried(
      'kills',
      name,
      problems.map((problem): Fault => ({ id, problem, circumstances, ...kept })),
      kills,
    );
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.txt`, { force: true });
  }
}

/** Starts or resumes a run. */
export function startRun(name: string, folder: string): Started {
  const engine = ['--engine', engineName()];
  const words = existsSync(join(folder, LAST_FILE))
    ? ['train', '--resume', folder, ...engine, '--threads', '1']
    : ['train', ...COMMON, ...CONFIGURATIONS[name]!, ...engine, '--out', folder];
  return startLogged([MAIN, ...words], `${folder}.txt`);
}

/** The result of an undisturbed run. @throws if it fails. */
export async function undisturbed(name: string, folder: string): Promise<FolderSummary> {
  const { status } = await startRun(name, folder).ended(LIMIT_MS);
  if (status !== 0) throw new Error(`${name} undisturbed: ${lastLineOf(`${folder}.txt`)}`);
  return summarize(folder);
}

async function killUntilDone(
  name: string,
  folder: string,
  reference: FolderSummary,
  { below, isEnough }: { readonly below: Below; readonly isEnough: (kills: number) => boolean },
): Promise<{ readonly problems: readonly string[]; readonly kills: number }> {
  const problems: string[] = [];
  for (let kills = 0; ; ) {
    const run = startRun(name, folder);
    const isKilled = !isEnough(kills);
    if (isKilled) await momentToKill(run, folder, below);
    if (isKilled && run.isRunning()) {
      run.child.kill('SIGKILL');
      const { signal } = await run.ended(LIMIT_MS);
      if (signal === 'SIGKILL') {
        kills++;
        if (existsSync(folder)) problems.push(...tornFiles(folder));
        continue;
      }
    }
    const { status, hung } = await run.ended(LIMIT_MS);
    if (hung) return { problems: [...problems, 'hangs after a kill'], kills };
    if (status !== 0) {
      const line = lastLineOf(`${folder}.txt`).replaceAll(folder, 'FOLDER');
      return { problems: [...problems, `does not go on after a kill: ${line}`], kills };
    }
    return { problems: [...problems, ...finalProblems(folder, reference)], kills };
  }
}

function finalProblems(folder: string, reference: FolderSummary): readonly string[] {
  try {
    return differences(summarize(folder), reference).map((each) => `after kills, ${each}`);
  } catch (unreadable) {
    return [`after kills, ${(unreadable as Error).message}`];
  }
}

/** Waits for a random time, for a temporary file, or for the log to grow a random number of times. */
async function momentToKill(run: Started, folder: string, below: Below): Promise<void> {
  const kind = below(4);
  if (kind === 0) return sleep(below(3000));
  const look = kind === 1 ? () => logSize(folder) : () => temporaryIn(folder);
  const isHopeless = () => !run.isRunning();
  for (let changes = 1 + below(8); changes > 0; changes--) {
    const before = look();
    const isChanged = () => look() !== before && look() !== undefined;
    if (!(await until(isChanged, LIMIT_MS, { everyMs: 1, isHopeless }))) return;
  }
  if (kind === 3) await sleep(below(12));
}

function logSize(folder: string): number | undefined {
  return statSync(join(folder, LOG_FILE), { throwIfNoEntry: false })?.size;
}

function temporaryIn(folder: string): string | undefined {
  return existsSync(folder) ? readdirSync(folder).find(isTemporary) : undefined;
}
