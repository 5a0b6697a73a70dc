import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { differences, type FolderSummary, summarize, tornFiles } from './check-run.ts';
import { lastLineOf, sleep, until } from './child.ts';
import { CONFIGURATIONS, startRun, undisturbed } from './kills.ts';
import type { Bounds } from './options.ts';
import { LAST_FILE, LOG_FILE, readCheckpoint } from './product.ts';
import { type Below, randomOf } from './random.ts';
import type { Fault, Findings } from './report.ts';
import type { Scratch } from './scratch.ts';

/** The ext4 journaling modes to test. */
const MODES = ['ordered', 'writeback'] as const;
const IMAGE_BYTES = 64 * 2 ** 20;
const LIMIT_MS = 60_000;

/**
 * Simulates power losses: a run writes to an ext4 file system in an image file. A copy of the image represents the
 * disk after a power loss. After recovery by the file system, the run must be undamaged and resumable.
 */
export async function torturePower(bounds: Bounds, findings: Findings, scratch: Scratch): Promise<void> {
  const reason = cannotMount(scratch);
  if (reason !== undefined) return findings.skipped('power', 'ext4', reason);
  const [, onlyMode, onlyNumber] = bounds.reproduce?.split(':') ?? [];
  const names = Object.keys(CONFIGURATIONS);
  const references = new Map<string, FolderSummary>();
  for (let attempt = 0; ; attempt++) {
    if (onlyNumber === undefined ? bounds.isOver(attempt) : attempt > 0) break;
    const number = onlyNumber === undefined ? attempt : Number(onlyNumber);
    const mode = MODES.find((each) => each === onlyMode) ?? MODES[number % MODES.length]!;
    const name = names[(number >> 1) % names.length]!;
    const reference =
      references.get(name) ?? (await undisturbed(name, join(scratch.folder, `power-${name}`)));
    references.set(name, reference);
    const below = randomOf(bounds.seed, number);
    const folder = join(scratch.folder, 'power');
    mkdirSync(folder);
    try {
      const { problems, when } = await tryOne(mode, name, folder, reference, below);
      const found = join(folder, 'after');
      const kept = problems.some((each) => findings.isNew(each)) &&
        existsSync(found) && { folder: scratch.keep(found) };
      const id = `power:${mode}:${number}`;
      const circumstances = `ext4 data=${mode}, ${name}: the power is gone ${when}`;
      findings.tried(
        'power',
        `ext4 data=${mode}`,
        problems.map((problem): Fault => ({ id, problem, circumstances, ...kept })),
      );
    } finally {
      for (const mounted of ['disk', 'copy']) unmount(join(folder, mounted));
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** The reason why file systems cannot be mounted; undefined if they can. */
function cannotMount(scratch: Scratch): string | undefined {
  if (process.platform !== 'linux') return 'only Linux mounts files';
  if (process.getuid?.() !== 0) return 'only root may mount';
  const folder = join(scratch.folder, 'mountable');
  mkdirSync(folder);
  try {
    makeDisk(join(folder, 'image'));
    mount(join(folder, 'image'), join(folder, 'disk'), 'ordered');
    return undefined;
  } catch (error) {
    return `cannot mount: ${(error as Error).message.trim().split('\n').at(-1)}`;
  } finally {
    unmount(join(folder, 'disk'));
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, ...words: readonly string[]): void {
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function makeDisk(image: string): void {
  run('truncate', '-s', `${IMAGE_BYTES}`, image);
  run('mkfs.ext4', '-q', '-F', image);
}

function mount(image: string, at: string, mode: string): void {
  mkdirSync(at, { recursive: true });
  run('mount', '-o', `loop,data=${mode}`, image, at);
}

function unmount(at: string): void {
  try {
    run('umount', at);
  } catch {} // Not mounted.
}

async function tryOne(
  mode: string,
  name: string,
  folder: string,
  reference: FolderSummary,
  below: Below,
): Promise<{ readonly problems: readonly string[]; readonly when: string }> {
  const at = (file: string) => join(folder, file);
  makeDisk(at('image'));
  mount(at('image'), at('disk'), mode);
  run('sync');
  const alive = join(at('disk'), 'run');
  const process = startRun(name, alive);
  const hasBegun = () => existsSync(join(alive, LOG_FILE));
  await until(hasBegun, LIMIT_MS, { isHopeless: () => !process.isRunning() });
  await sleep(below(2000));
  process.child.kill('SIGSTOP');
  await sleep(20); // Wait for the mount.
  run('cp', '--sparse=always', at('image'), at('snapshot'));
  const saved = savedForSure(join(alive, LOG_FILE));
  process.child.kill('SIGKILL');
  await process.ended(LIMIT_MS);

  mount(at('snapshot'), at('copy'), mode);
  const [dead, after] = [join(at('copy'), 'run'), at('after')];
  if (existsSync(dead)) cpSync(dead, after, { recursive: true });
  unmount(at('copy'));
  unmount(at('disk'));
  const when = `after the checkpoint of step ${saved}`;
  const problems = existsSync(after)
    ? deadProblems(after, saved)
    : saved > 0
      ? ['the whole run is lost']
      : [];
  const rest = startRun(name, after);
  const { status, hung } = await rest.ended(LIMIT_MS);
  if (hung) return { problems: [...problems, 'hangs after a power loss'], when };
  if (status !== 0) {
    const line = lastLineOf(`${after}.txt`).replaceAll(after, 'FOLDER');
    return { problems: [...problems, `does not go on after a power loss: ${line}`], when };
  }
  try {
    problems.push(...differences(summarize(after), reference).map((each) => `after a power loss, ${each}`));
  } catch (unreadable) {
    problems.push(`after a power loss, ${(unreadable as Error).message}`);
  }
  return { problems, when };
}

/** The step of the last checkpoint after which the run continued; it must be on the disk. */
function savedForSure(log: string): number {
  let [saved, candidate] = [0, 0];
  for (const event of eventsOf(log)) {
    if (event?.kind === 'checkpoint' && !event.best) candidate = event.globalStep!;
    if (event?.kind === 'step') saved = candidate;
  }
  return saved;
}

/**
 * Problems after a power loss: checkpoints must be undamaged and present, and the log must have all steps before
 * them.
 */
export function deadProblems(folder: string, saved: number): string[] {
  const problems = [...tornFiles(folder)];
  const last = join(folder, LAST_FILE);
  if (!existsSync(last)) return saved > 0 ? [...problems, 'a saved checkpoint is lost'] : problems;
  if (problems.length > 0) return problems;
  const { globalStep } = readCheckpoint(readFileSync(last), last)!.run.progress;
  if (globalStep < saved)
    problems.push(`a saved checkpoint is lost: saved step ${saved}, on the disk ${globalStep}`);
  const log = join(folder, LOG_FILE);
  const steps = new Set(eventsOf(log).flatMap((event) => (event?.kind === 'step' ? [event.globalStep] : [])));
  const lost = Array.from({ length: globalStep }, (_, i) => i + 1).filter((step) => !steps.has(step));
  if (lost.length > 0)
    problems.push(`the log has lost steps that the checkpoint has: ${lost.length} of ${globalStep}`);
  return problems;
}

interface LoggedEvent {
  readonly kind?: string;
  readonly globalStep?: number;
  readonly best?: boolean;
}

/** The events of a log; undefined for an incomplete line. */
function eventsOf(log: string): readonly (LoggedEvent | undefined)[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .map((line) => {
      try {
        return JSON.parse(line) as LoggedEvent;
      } catch {
        return undefined;
      }
    });
}
