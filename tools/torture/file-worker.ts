import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Format } from './files/format.ts';
import { type FormatName, openFormat } from './files/formats.ts';
import { judge } from './files/judge.ts';
import { type Below, randomOf } from './random.ts';

/** Files to read: cases [first, first + count) of a format. */
export interface FileJob {
  readonly format: FormatName;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  /** Where to save the file of a single case. */
  readonly keep?: string | undefined;
}

export interface FoundFault {
  readonly number: number;
  readonly problem: string;
}

export interface FileOutcome {
  /** Number of files processed; fewer than requested if one needed too much memory. */
  readonly done: number;
  readonly read: number;
  readonly refused: number;
  readonly faults: readonly FoundFault[];
  /** Processor time of all files, and of the slowest. */
  readonly cpuMs: number;
  readonly slowestMs: number;
}

/**
 * Options of a worker: its folder, the shared memory with the current case, and a module with other formats
 * (tests).
 */
export interface FileWorkerOptions {
  readonly folder: string;
  readonly progress: string;
  readonly program?: string | undefined;
}

export const MOST_CPU_MS = 10_000;
/** Memory limit for a file, in addition to the idle process. */
export const mostBytes = (fileBytes: number) => 256 * 2 ** 20 + 4 * fileBytes;

type OpenFormat = (name: FormatName, folder: string) => Promise<Format>;

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const peakBytes = () => 1024 * process.resourceUsage().maxRSS;

async function work({ folder, progress, program }: FileWorkerOptions): Promise<void> {
  const open: OpenFormat = program === undefined ? openFormat : (await import(program)).openFormat;
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  sharp.concurrency(1);
  const [files, empty] = [join(folder, 'files'), join(folder, 'a', 'b', 'empty')];
  mkdirSync(files, { recursive: true });
  mkdirSync(empty, { recursive: true });
  process.chdir(empty);
  const at = openSync(progress, 'w');
  process.on('exit', () => closeSync(at));
  const formats = new Map<FormatName, Format>();
  let idleBytes: number | undefined;
  process.on('message', async ({ format: name, seed, first, count, keep }: FileJob) => {
    const format = formats.get(name) ?? (await open(name, files));
    formats.set(name, format);
    const faults: FoundFault[] = [];
    let [read, refused, slowestMs, done] = [0, 0, 0, 0];
    const startedAt = cpuMs();
    idleBytes ??= peakBytes();
    while (done < count && faults.length < MOST_FAULTS) {
      const number = first + done++;
      writeSync(at, `${number}`.padEnd(20), 0);
      const bytes = made(format, randomOf(seed, number));
      if (!(bytes instanceof Uint8Array)) {
        faults.push({ number, problem: bytes });
        continue;
      }
      if (keep !== undefined) writeFileSync(keep, bytes);
      const before = cpuMs();
      const verdict = await judge(format, bytes);
      const took = cpuMs() - before;
      slowestMs = Math.max(slowestMs, took);
      const more = peakBytes() - idleBytes;
      if (typeof verdict === 'object') faults.push({ number, problem: verdict.fault });
      else if (took > MOST_CPU_MS)
        faults.push({ number, problem: `takes ${Math.round(took / 1000)} s of processor` });
      else if (more > mostBytes(bytes.length)) faults.push({ number, problem: tooMuch(more, bytes.length) });
      else if (verdict === 'read') read++;
      else refused++;
      if (more > mostBytes(bytes.length)) break; // Later files would be blamed for it.
    }
    const outcome = { done, read, refused, faults, cpuMs: cpuMs() - startedAt, slowestMs };
    process.send!(outcome satisfies FileOutcome);
  });
  process.send!('ready');
}

/** Generates a file; an error message if the generator fails. */
function made(format: Format, below: Below): Uint8Array | string {
  try {
    return format.make(below);
  } catch (error) {
    return `cannot be made: ${(error as Error).stack}`;
  }
}

/** Maximum number of reported faults per job. */
const MOST_FAULTS = 20;

function tooMuch(bytes: number, fileBytes: number): string {
  return `takes ${Math.round(bytes / 2 ** 20)} MiB of memory for a file of ${fileBytes} bytes`;
}

if (process.send && process.argv[2] !== undefined) await work(JSON.parse(process.argv[2]));
