import { type ChildProcess, fork } from 'node:child_process';
import type { Job, Outcome } from './fault-worker.ts';
import { builtTool } from './product.ts';

/** The result of a job; `killed` and `ended`: its process has ended, by SIGKILL or otherwise. */
export type Answer = Outcome | 'killed' | 'ended' | 'hung';

/** Time limit for a command. */
const LIMIT_MS = 30_000;

/** A process that runs command lines in sequence. */
class Worker {
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;
  isAlive = true;

  /** @param program a module that replaces the command line. */
  constructor(program: string | undefined) {
    const words = program === undefined ? [] : [program];
    this.#child = fork(builtTool('fault-worker.js'), words, { silent: true, execArgv: [] });
    this.#child.on('exit', () => {
      this.isAlive = false;
    });
    this.#ready = this.#next();
  }

  async run(job: Job): Promise<Answer> {
    if ((await this.#ready) !== 'ready') throw new Error('a worker of the torture does not start');
    const answer = this.#next();
    this.#child.send(job);
    return (await answer) as Answer;
  }

  /** The next message of the process, or how it ended. */
  #next(): Promise<unknown> {
    return new Promise((resolve) => {
      const done = (answer: unknown) => {
        clearTimeout(timer);
        this.#child.off('message', done).off('exit', onExit);
        resolve(answer);
      };
      const onExit = (_: number | null, signal: string | null) =>
        done(signal === 'SIGKILL' ? 'killed' : 'ended');
      const timer = setTimeout(() => {
        this.end();
        done('hung');
      }, LIMIT_MS);
      this.#child.on('message', done).on('exit', onExit);
    });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

/**
 * Two workers: one for commands with faults, which may end, and one for the commands after it. Replaced in
 * advance.
 */
export class WorkerPool {
  readonly #program: string | undefined;
  #hit: Worker;
  #helper: Worker;

  /** @param program a module with `runProgram`, for testing this tool. Default: Densor's. */
  constructor(program?: string) {
    this.#program = program;
    this.#hit = new Worker(program);
    this.#helper = new Worker(program);
  }

  /** Runs a command line with a fault. */
  async hit(job: Job): Promise<Answer> {
    const answer = await this.#hit.run(job);
    if (typeof answer === 'string') this.discard();
    return answer;
  }

  /** Runs a command line without faults, in another process. */
  async run(job: Job): Promise<Answer> {
    const answer = await this.#helper.run(job);
    if (typeof answer === 'string') this.#helper = new Worker(this.#program);
    return answer;
  }

  /** Ends the process with faults, which releases its locks. */
  discard(): void {
    this.#hit.end();
    this.#hit = new Worker(this.#program);
  }

  end(): void {
    this.#hit.end();
    this.#helper.end();
  }
}
