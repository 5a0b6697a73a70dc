import { type ChildProcess, fork } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from '../live/protocol.ts';
import { PauseGate } from '../train/pause-gate.ts';
import type { UiOwner } from '../ui/server.ts';
import { say } from './terminal.ts';

/** Set for the server that a training starts, to the folder of its run. */
const FOLDER = 'DENSOR_UI_RUN';

/** What the server tells its training, and the other way round. */
type ToTraining = { readonly address: string } | { readonly command: Command };
type ToServer = { readonly isPaused: boolean };

/** In the server: the training that has started it; undefined where somebody else has. */
export function ownerOfThisServer():
  | (UiOwner & { ready(address: string): void; readonly ended: Promise<void> })
  | undefined {
  const folder = process.env[FOLDER];
  if (folder === undefined || !process.send) return undefined;
  const send = (message: ToTraining) => void process.send?.(message);
  let isPaused = false;
  process.on('message', (message: ToServer) => {
    isPaused = message.isPaused;
  });
  return {
    folder,
    get phase() {
      return isPaused ? 'paused' : undefined;
    },
    send: (command) => send({ command }),
    ready: (address) => send({ address }),
    ended: new Promise((done) => process.once('disconnect', () => setTimeout(done, LAST_NEWS_MS))),
  };
}

/** Time for pages to be told of the end. */
const LAST_NEWS_MS = 3000;

/** In the training: starts the server, which shows the run and those beside it. */
export function startUiOf(folder: string): { readonly pause: PauseGate; close(): void } {
  const pause = new PauseGate();
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child: ChildProcess = fork(main, ['ui', dirname(resolve(folder))], {
    env: { ...process.env, [FOLDER]: resolve(folder) },
    execArgv: ['--max-old-space-size=96'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true, // A Ctrl-C is for the training, which tells the page how it ended.
  });
  child.unref();
  child.channel?.unref();
  const tell = () => void (child.connected && child.send({ isPaused: pause.isPaused } satisfies ToServer));
  child.on('error', (error) => say(`warning: the page cannot be shown: ${error.message}; the run continues`));
  child.on('message', (message: ToTraining) => {
    if ('address' in message) return say(`watch this run in a browser: ${message.address}`);
    const { kind } = message.command;
    if (kind === 'stop') process.kill(process.pid, 'SIGTERM');
    if (kind === 'pause') pause.pause();
    if (kind === 'resume') pause.resume();
    // A run that is paused has nothing to do: without this its process would end.
    if (pause.isPaused) child.channel?.ref();
    else child.channel?.unref();
    tell();
  });
  return { pause, close: () => void (child.connected && child.disconnect()) };
}
