import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileAnswer, FileReader } from './file-pool.ts';
import type { FileOutcome } from './file-worker.ts';
import { FORMAT_NAMES, type FormatName } from './files/formats.ts';
import { SECRET } from './files/judge.ts';
import { type Bounds, TortureUsageError } from './options.ts';
import type { Findings } from './report.ts';
import type { Scratch } from './scratch.ts';

/** Cases of an errand. */
const BATCH = 500;
const READERS = 2;

/** What was measured of a format. */
interface Sums {
  cases: number;
  read: number;
  cpuMs: number;
  slowestMs: number;
}

/**
 * Has hostile files of every format read, in processes of their own: each is read or refused by an error of the product's
 * own, that prints no control characters, within time and memory, and nothing of it is run, written or read elsewhere.
 * @param program a module with other formats, to test the torture itself.
 */
export async function tortureFiles(
  bounds: Bounds,
  findings: Findings,
  scratch: Scratch,
  program?: string,
): Promise<void> {
  const { formats, number } = chosen(bounds.reproduce);
  writeFileSync(join(scratch.folder, 'secret'), SECRET);
  const sums = new Map<FormatName, Sums>();
  const next = new Map(formats.map((format) => [format, 0]));
  let turn = 0;
  /** Formats take turns; all have as many cases, but for the last batches. */
  const take = () => {
    const format = formats[turn++ % formats.length]!;
    const first = next.get(format)!;
    if (bounds.isOver(first) || (number !== undefined && turn > 1)) return undefined;
    const count = number === undefined ? countFrom(bounds, first) : 1;
    next.set(format, first + count);
    return { format, seed: bounds.seed, first: number ?? first, count };
  };
  const readers = Array.from({ length: number === undefined ? READERS : 1 }, async (_, i) => {
    const reader = new FileReader(join(scratch.folder, `reader-${i}`), program);
    try {
      for (let errand = take(); errand; errand = take()) {
        let { first, count } = errand;
        while (count > 0) {
          const answer = await reader.run({ ...errand, first, count });
          const done = 'done' in answer ? answer.done : answer.number - first + 1;
          const faults = 'done' in answer ? answer.faults : [answer];
          if ('done' in answer) add(sums, errand.format, answer);
          findings.tried('files', errand.format, [], done - faults.length);
          for (const fault of faults) await report(reader, errand, fault, findings, scratch);
          [first, count] = [first + done, count - done];
        }
      }
    } finally {
      reader.end();
    }
  });
  await Promise.all(readers);
  for (const [format, sum] of sums) findings.note('files', format, describe(sum));
}

/** As many as are asked for at most. */
function countFrom({ isOver }: Bounds, first: number): number {
  let count = 1;
  while (count < BATCH && !isOver(first + count)) count++;
  return count;
}

/** `files:png:123`, `files:png`. @throws TortureUsageError */
function chosen(id: string | undefined): {
  readonly formats: readonly FormatName[];
  readonly number?: number;
} {
  if (id === undefined) return { formats: FORMAT_NAMES };
  const [, name, number] = id.split(':');
  const format = FORMAT_NAMES.find((each) => each === name);
  if (!format || (number !== undefined && !/^\d+$/.test(number))) {
    throw new TortureUsageError(
      `${id} is no file: expected files:FORMAT:NUMBER, of ${FORMAT_NAMES.join(', ')}`,
    );
  }
  return { formats: [format], ...(number !== undefined && { number: Number(number) }) };
}

/** Reads the file again alone, in a new process: what only shows after many others (memory) is not its fault. */
async function report(
  reader: FileReader,
  { format, seed }: { readonly format: FormatName; readonly seed: number },
  { number, problem }: { readonly number: number; readonly problem: string },
  findings: Findings,
  scratch: Scratch,
): Promise<void> {
  const folder = join(scratch.folder, `found-${format}-${number}`);
  mkdirSync(folder, { recursive: true });
  reader.end();
  const again = await reader.run({ format, seed, first: number, count: 1, keep: join(folder, 'file') });
  reader.end();
  const alone = problemOf(again);
  if (alone === undefined && problem.startsWith('takes')) return findings.tried('files', format, []);
  const id = `files:${format}:${number}`;
  const circumstances = alone === undefined ? 'only after others' : 'read alone';
  const kept = findings.isNew(alone ?? problem) && { folder: scratch.keep(folder) };
  findings.tried('files', format, [
    { id, problem: `${format}: ${alone ?? problem}`, circumstances, ...kept },
  ]);
}

function problemOf(answer: FileAnswer): string | undefined {
  return 'done' in answer ? answer.faults[0]?.problem : answer.problem;
}

function add(sums: Map<FormatName, Sums>, format: FormatName, outcome: FileOutcome): void {
  const sum = sums.get(format) ?? { cases: 0, read: 0, cpuMs: 0, slowestMs: 0 };
  sums.set(format, sum);
  sum.cases += outcome.done;
  sum.read += outcome.read;
  sum.cpuMs += outcome.cpuMs;
  sum.slowestMs = Math.max(sum.slowestMs, outcome.slowestMs);
}

function describe({ cases, read, cpuMs, slowestMs }: Sums): string {
  return (
    `${((100 * read) / cases).toFixed(0)}% read, ${Math.round((1000 * cases) / cpuMs)} a second of processor, ` +
    `slowest ${Math.round(slowestMs)} ms`
  );
}
