import { constants } from 'node:os';
import { say } from './terminal.ts';

/** npm forwards a Ctrl-C that the terminal has sent to its children already: twins count once. */
const TWINS_MS = 1000;

type Interrupt = (signal: NodeJS.Signals) => void;
/** What ends the work that is going on, saved; undefined where there is nothing to save. */
let atWork: Interrupt | undefined;

/**
 * Handles what batch systems, shells and closing terminals send, from the start of the process on.
 *
 * Node forgets that a signal was to be ignored (`nohup`) before any JavaScript runs. What nohup stands for can still be
 * told: where neither stdin, stdout nor stderr is a terminal, no closing of one is meant, and SIGHUP ends nothing.
 * SIGUSR1 and SIGUSR2 announce that a job will be stopped (Slurm's --signal); Node would open its debugger at the first.
 */
export function watchSignals(hasTerminal: boolean): void {
  process.on('SIGHUP', () => {
    if (!hasTerminal) say('SIGHUP ignored: this process has no terminal');
    else endBy('SIGHUP');
  });
  for (const name of ['SIGUSR1', 'SIGUSR2'] as const) process.on(name, () => endBy(name));
}

function endBy(signal: NodeJS.Signals): void {
  if (atWork) atWork(signal);
  else process.exit(128 + constants.signals[signal]);
}

/**
 * Aborts on Ctrl-C, SIGTERM and what `watchSignals` handles: the step at work is finished, and its result saved. A second
 * Ctrl-C ends the process at once; other signals may come in any number, as batch systems send them.
 */
export function interruptSignal(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let first = 0;
  const interrupt: Interrupt = (signal) => {
    if (controller.signal.aborted) {
      if (signal === 'SIGINT' && performance.now() - first > TWINS_MS) process.exit(1);
      return;
    }
    first = performance.now();
    const why = signal === 'SIGINT' ? '' : `${signal}: `;
    say(`${why}finishing this step, then saving (press Ctrl-C ${why ? '' : 'again '}to stop immediately)`);
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, interrupt);
  atWork = interrupt;
  return {
    signal: controller.signal,
    dispose: () => {
      atWork = undefined;
      for (const name of signals) process.off(name, interrupt);
    },
  };
}
