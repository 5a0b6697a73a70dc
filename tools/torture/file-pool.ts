import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FileJob,
  type FileOutcome,
  type FileWorkerOptions,
  MOST_CPU_MS,
  mostBytes,
} from './file-worker.ts';
import { builtTool } from './product.ts';

/** The result of a job; or the case that ended the process, and how. */
export type FileAnswer = FileOutcome | { readonly number: number; readonly problem: string };

/** Heap limit of a process. */
const HEAP_MIB = 512;
const WATCH_MS = 200;
/** Wall-clock limit, for a process that uses no processor time. */
const MOST_WALL_MS = 300_000;
/** Jobs before a process is replaced, so that leaks and caches are not attributed to a file. */
const MOST_JOBS = 20;

/** A process that reads files within limits; replaced if a file has ended it. */
export class FileReader {
  readonly #options: FileWorkerOptions;
  #child: ChildProcess | undefined;
  #jobs = 0;

  /** @param folder its private folder. @param program a module with other formats, for testing this tool. */
  constructor(folder: string, program?: string) {
    mkdirSync(folder, { recursive: true });
    this.#options = { folder, progress: join(folder, 'progress'), program };
  }

  async run(job: FileJob): Promise<FileAnswer> {
    if (this.#jobs++ >= MOST_JOBS) this.end();
    this.#child ??= await this.#start();
    const child = this.#child;
    const idle = statusOf(child.pid!)?.bytes ?? 0;
    const answer = await new Promise<FileAnswer>((resolve) => {
      const watch = setInterval(() => this.#watch(child, job, idle, done), WATCH_MS);
      const done = (answer: FileAnswer) => {
        clearInterval(watch);
        child.removeAllListeners();
        resolve(answer);
      };
      child.once('message', (outcome) => done(outcome as FileOutcome));
      child.once('exit', (code, signal) =>
        done({ number: this.#at(job), problem: `ends the process (${signal ?? `status ${code}`})` }),
      );
      this.#progress = { number: -1, cpuMs: 0, since: Date.now() };
      child.send(job);
    });
    if (!('done' in answer) || answer.done < job.count) this.end();
    return answer;
  }

  #progress = { number: -1, cpuMs: 0, since: 0 };

  /** Ends a process that hangs or uses too much memory. */
  #watch(child: ChildProcess, job: FileJob, idle: number, done: (answer: FileAnswer) => void): void {
    const status = statusOf(child.pid!);
    const [number, now] = [this.#at(job), Date.now()];
    const cpuMs = status?.cpuMs ?? 0;
    if (number !== this.#progress.number) this.#progress = { number, cpuMs, since: now };
    const end = (problem: string) => {
      done({ number, problem });
      this.end();
    };
    // The process itself reports files that exceed the limit; twice the limit is for files that never end.
    if (cpuMs - this.#progress.cpuMs > 2 * MOST_CPU_MS) end('hangs: it takes the processor and does not end');
    else if (now - this.#progress.since > MOST_WALL_MS) end('hangs: it waits and does not end');
    else if ((status?.bytes ?? 0) - idle > 4 * mostBytes(0)) end('takes more than 1 GiB of memory');
  }

  #at({ first }: FileJob): number {
    return Number.parseInt(readFileSync(this.#options.progress, 'latin1'), 10) || first;
  }

  async #start(): Promise<ChildProcess> {
    this.#jobs = 0;
    const { folder } = this.#options;
    const child = fork(builtTool('file-worker.js'), [JSON.stringify(this.#options)], {
      execArgv: [`--max-old-space-size=${HEAP_MIB}`],
      env: { ...process.env, HOME: folder, VIPS_WARNING: '0' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) =>
        reject(new Error(`a reader of the torture does not start (status ${code})`)),
      );
    });
    child.removeAllListeners();
    return child;
  }

  end(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** Processor time and memory of a process, if available. */
function statusOf(pid: number): { readonly cpuMs: number; readonly bytes: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return {
      cpuMs: TICK_MS * (Number(fields[11]) + Number(fields[12])),
      bytes: PAGE_BYTES * Number(fields[21]),
    };
  } catch {
    return undefined;
  }
}
