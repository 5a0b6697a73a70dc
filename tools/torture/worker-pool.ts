import { type ChildProcess, fork } from 'node:child_process';
import type { Errand, Outcome } from './fault-worker.ts';
import { builtTool } from './product.ts';

/** What came of an errand; `killed` and `ended`: its process is gone, by SIGKILL or otherwise. */
export type Answer = Outcome | 'killed' | 'ended' | 'hung';

/** Longest time for a tiny command. */
const LIMIT_MS = 30_000;

/** A process that runs command lines one after the other. */
class Worker {
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;
  isAlive = true;

  /** @param program a module to run in the place of the product's command line. */
  constructor(program: string | undefined) {
    const words = program === undefined ? [] : [program];
    this.#child = fork(builtTool('fault-worker.js'), words, { silent: true, execArgv: [] });
    this.#child.on('exit', () => {
      this.isAlive = false;
    });
    this.#ready = this.#next();
  }

  async run(errand: Errand): Promise<Answer> {
    if ((await this.#ready) !== 'ready') throw new Error('a worker of the torture does not start');
    const answer = this.#next();
    this.#child.send(errand);
    return (await answer) as Answer;
  }

  /** Its next message, or how it ended. */
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

/** Two workers: the one that is hit, which may die, and the one that goes on after it. Dead ones are replaced early. */
export class WorkerPool {
  readonly #program: string | undefined;
  #hit: Worker;
  #helper: Worker;

  /** @param program a module with `runProgram`, to test the torture itself; the product's unless given. */
  constructor(program?: string) {
    this.#program = program;
    this.#hit = new Worker(program);
    this.#helper = new Worker(program);
  }

  /** Runs a command line in a process that something befalls. */
  async hit(errand: Errand): Promise<Answer> {
    const answer = await this.#hit.run(errand);
    if (typeof answer === 'string') this.bury();
    return answer;
  }

  /** Runs a command line undisturbed, in another process. */
  async run(errand: Errand): Promise<Answer> {
    const answer = await this.#helper.run(errand);
    if (typeof answer === 'string') this.#helper = new Worker(this.#program);
    return answer;
  }

  /** Ends the process that was hit: what it held is free. */
  bury(): void {
    this.#hit.end();
    this.#hit = new Worker(this.#program);
  }

  end(): void {
    this.#hit.end();
    this.#helper.end();
  }
}
