import { constants } from 'node:os';
import { say } from './terminal.ts';

/**
 * npm forwards a Ctrl-C that its child processes have already received from the terminal. Signals within this time
 * count once.
 */
const DUPLICATE_MS = 1000;

type Interrupt = (signal: NodeJS.Signals) => void;
/** Interrupts the current work and saves it; undefined if there is nothing to save. */
let atWork: Interrupt | undefined;

/**
 * Handles signals of batch systems, shells and closing terminals, from the start of the process on.
 *
 * Node resets ignored signals (`nohup`) before it runs JavaScript. Therefore SIGHUP is ignored if neither stdin,
 * stdout nor stderr is a terminal. SIGUSR1 and SIGUSR2 announce that a job will be stopped (Slurm's --signal); by
 * default Node would start its debugger on SIGUSR1.
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
 * Returns an AbortSignal that aborts on Ctrl-C, SIGTERM and the signals of `watchSignals`: the current step is
 * finished and saved. A second Ctrl-C ends the process immediately; other signals may be repeated, as by batch
 * systems.
 */
export function interruptSignal(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let first = 0;
  const interrupt: Interrupt = (signal) => {
    if (controller.signal.aborted) {
      if (signal === 'SIGINT' && performance.now() - first > DUPLICATE_MS) process.exit(1);
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
      if (controller.signal.aborted) return; // The process is ending: a repeated signal must not change its exit status.
      atWork = undefined;
      for (const name of signals) process.off(name, interrupt);
    },
  };
}
