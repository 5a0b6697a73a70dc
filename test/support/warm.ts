import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('warm-worker.mjs', import.meta.url));

/** A command line to run in a folder; `main`: the path of the program. */
export interface Command {
  readonly main: string;
  readonly folder: string;
  readonly words: readonly string[];
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A process that runs command lines in sequence, because a new process needs a second to load and compile the
 * program. If a command ends the process, its status is that of the process, and the next command uses a new one.
 */
export class WarmProcess {
  #child: ChildProcess | undefined;
  /** The previous command; commands run one at a time, because a process has one working directory. */
  #before: Promise<unknown> = Promise.resolve();

  run(command: Command): Promise<Ended> {
    const ended = this.#before.then(() => this.#runNow(command));
    this.#before = ended.catch(() => {});
    return ended;
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    const exit = once(child, 'exit');
    child.kill();
    await exit;
  }

  async #runNow(command: Command): Promise<Ended> {
    this.#child ??= await started();
    const child = this.#child;
    const mark = `\n${randomUUID()}\n`;
    const told = Promise.all([upTo(mark, child.stdout!), upTo(mark, child.stderr!)]);
    const status = new Promise<number | null>((resolve) => {
      const onMessage = ({ status }: { readonly status: number }) => {
        child.off('exit', onExit);
        resolve(status);
      };
      const onExit = (code: number | null) => {
        this.#child = undefined;
        resolve(code);
      };
      child.once('message', onMessage).once('exit', onExit);
    });
    child.send({ ...command, mark });
    const [stdout, stderr] = await told;
    return { status: await status, stdout, stderr };
  }
}

async function started(): Promise<ChildProcess> {
  const child = fork(WORKER, { silent: true, execArgv: [] });
  await once(child, 'message');
  return child;
}

/** The output up to the mark, or to the end. */
function upTo(mark: string, stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const done = (text: string) => {
      stream.off('data', onData).off('end', onEnd);
      resolve(text);
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      if (text.endsWith(mark)) done(text.slice(0, -mark.length));
    };
    const onEnd = () => done(Buffer.concat(chunks).toString());
    stream.on('data', onData).on('end', onEnd);
  });
}
