import { createRequire } from 'node:module';
import { type FaultError, inject, patchFileSystem } from './fault-fs.ts';
import { loadProgram } from './product.ts';

/** A command line to run, and the fault to inject. */
export interface Job {
  readonly words: readonly string[];
  /** Calls on files below this folder are counted. */
  readonly root: string;
  /** Number of the call that fails, from 1. */
  readonly at?: number | undefined;
  readonly error?: FaultError | undefined;
  readonly interrupt?: Interrupt | undefined;
}

/** A Ctrl-C after this step has been logged: immediately, or after a delay, during the evaluation of the epoch. */
export interface Interrupt {
  readonly step: number;
  readonly when: 'at once' | 'later';
}

/** How a command line ended. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The counted calls, such as `write last.safetensors.partial`. */
  readonly calls: readonly string[];
  readonly hit?: string | undefined;
  readonly isEndless: boolean;
  /** Uncaught errors, which would have ended the process. */
  readonly uncaught: readonly string[];
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the jobs that it receives, in sequence. */
async function work(): Promise<void> {
  patchFileSystem();
  drawOnce();
  const runProgram = await loadProgram(process.argv[2]);
  const uncaught: string[] = [];
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => uncaught.push(String(error)));

  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    process[stream].write = (text: string | Uint8Array) => {
      said[stream] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    };
  }
  process.on('message', async ({ words, root, at, error, interrupt }: Job) => {
    Object.assign(said, { stdout: '', stderr: '' });
    uncaught.length = 0;
    for (const signal of SIGNALS) process.removeAllListeners(signal);
    process.exitCode = undefined;
    const onLine = interrupt && ((text: string) => interruptAt(interrupt, text));
    const stop = inject({ root, at, error, onLine });
    const returned = await runProgram(words);
    await new Promise((resolve) => setImmediate(resolve));
    const status = returned === 0 ? Number(process.exitCode ?? 0) : returned;
    process.send!({ status, ...said, ...stop(), uncaught } satisfies Outcome);
  });
  process.send!('ready');
}

function interruptAt({ step, when }: Interrupt, text: string): void {
  if (!text.includes('"kind":"step"') || !text.includes(`"globalStep":${step},`)) return;
  if (when === 'at once') process.emit('SIGINT');
  else setImmediate(() => process.emit('SIGINT'));
}

/** Replaces the rendering of curves, which takes most of the time of a tiny run, by a constant picture. */
function drawOnce(): void {
  const { Resvg } = createRequire(import.meta.url)('@resvg/resvg-js');
  const picture = new Resvg('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>').render();
  Resvg.prototype.render = () => picture;
}

await work();
