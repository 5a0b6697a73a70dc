import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileAnswer, FileReader } from './file-pool.ts';
import type { FileOutcome } from './file-worker.ts';
import { FORMAT_NAMES, type FormatName } from './files/formats.ts';
import { SECRET } from './files/judge.ts';
import { type Bounds, TortureUsageError } from './options.ts';
import type { Findings } from './report.ts';
import type { Scratch } from './scratch.ts';

/** Cases per job. */
const BATCH = 500;
const READERS = 2;

/** Measurements of a format. */
interface Sums {
  cases: number;
  read: number;
  cpuMs: number;
  slowestMs: number;
}

/**
 * Reads hostile files of every format in separate processes. Each file must be read, or rejected with an input
 * error without control characters, within limits of time and memory; nothing from it may be executed, or written
 * or read outside.
 * @param program a module with other formats, for testing this tool.
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
  /** Alternates between formats, which have the same number of cases except for the last jobs. */
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
      for (let job = take(); job; job = take()) {
        let { first, count } = job;
        while (count > 0) {
          const answer = await reader.run({ ...job, first, count });
          const done = 'done' in answer ? answer.done : answer.number - first + 1;
          const faults = 'done' in answer ? answer.faults : [answer];
          if ('done' in answer) add(sums, job.format, answer);
          findings.tried('files', job.format, [], done - faults.length);
          for (const fault of faults) await report(reader, job, fault, findings, scratch);
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

/** The number of cases of the next job, within the limit. */
function countFrom({ isOver }: Bounds, first: number): number {
  let count = 1;
  while (count < BATCH && !isOver(first + count)) count++;
  return count;
}

/** Parses `files:png:123` or `files:png`. @throws TortureUsageError */
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

/** Reads the file again in a new process, to exclude effects of earlier files (memory). */
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
