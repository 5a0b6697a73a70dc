import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FileErrand,
  type FileOutcome,
  type FileWorkerOptions,
  MOST_CPU_MS,
  mostBytes,
} from './file-worker.ts';
import { builtTool } from './product.ts';

/** What came of an errand; or which case ended its process, and how. */
export type FileAnswer = FileOutcome | { readonly number: number; readonly problem: string };

/** What a process may hold that has collected no garbage for a while. */
const HEAP_MIB = 512;
const WATCH_MS = 200;
/** A process without the processor at all. */
const MOST_WALL_MS = 300_000;
/** Errands before a process is replaced: what leaks or stays in caches is not blamed on a file. */
const MOST_ERRANDS = 20;

/** A process that reads files, under limits; replaced where a file has ended it. */
export class FileReader {
  readonly #options: FileWorkerOptions;
  #child: ChildProcess | undefined;
  #errands = 0;

  /** @param folder of its own. @param program a module with other formats, to test the torture itself. */
  constructor(folder: string, program?: string) {
    mkdirSync(folder, { recursive: true });
    this.#options = { folder, progress: join(folder, 'progress'), program };
  }

  async run(errand: FileErrand): Promise<FileAnswer> {
    if (this.#errands++ >= MOST_ERRANDS) this.end();
    this.#child ??= await this.#start();
    const child = this.#child;
    const idle = statusOf(child.pid!)?.bytes ?? 0;
    const answer = await new Promise<FileAnswer>((resolve) => {
      const watch = setInterval(() => this.#watch(child, errand, idle, done), WATCH_MS);
      const done = (answer: FileAnswer) => {
        clearInterval(watch);
        child.removeAllListeners();
        resolve(answer);
      };
      child.once('message', (outcome) => done(outcome as FileOutcome));
      child.once('exit', (code, signal) =>
        done({ number: this.#at(errand), problem: `ends the process (${signal ?? `status ${code}`})` }),
      );
      this.#progress = { number: -1, cpuMs: 0, since: Date.now() };
      child.send(errand);
    });
    if (!('done' in answer) || answer.done < errand.count) this.end();
    return answer;
  }

  #progress = { number: -1, cpuMs: 0, since: 0 };

  /** Ends a process that hangs, or takes so much that the machine would suffer. */
  #watch(child: ChildProcess, errand: FileErrand, idle: number, done: (answer: FileAnswer) => void): void {
    const status = statusOf(child.pid!);
    const [number, now] = [this.#at(errand), Date.now()];
    const cpuMs = status?.cpuMs ?? 0;
    if (number !== this.#progress.number) this.#progress = { number, cpuMs, since: now };
    const end = (problem: string) => {
      done({ number, problem });
      this.end();
    };
    // The process itself says so where a file ends later than that; twice as much is for one that never does.
    if (cpuMs - this.#progress.cpuMs > 2 * MOST_CPU_MS) end('hangs: it takes the processor and does not end');
    else if (now - this.#progress.since > MOST_WALL_MS) end('hangs: it waits and does not end');
    else if ((status?.bytes ?? 0) - idle > 4 * mostBytes(0)) end('takes more than 1 GiB of memory');
  }

  #at({ first }: FileErrand): number {
    return Number.parseInt(readFileSync(this.#options.progress, 'latin1'), 10) || first;
  }

  async #start(): Promise<ChildProcess> {
    this.#errands = 0;
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

/** Processor time and memory of a process, where the system tells. */
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
