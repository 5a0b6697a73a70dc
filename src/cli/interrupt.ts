import { say } from './terminal.ts';

/** npm forwards a Ctrl-C that the terminal has sent to its children already: twins count once. */
const TWINS_MS = 1000;

/** Aborts on Ctrl-C (SIGTERM, a closed terminal): the step at work is finished. A later second one ends the process at once. */
export function interruptSignal(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let first = 0;
  const interrupt = () => {
    if (controller.signal.aborted) {
      if (performance.now() - first > TWINS_MS) process.exit(1);
      return;
    }
    first = performance.now();
    say('finishing this step, then saving (once more: stop at once)');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}

/** Options that a run's checkpoint does not hold. */
const CARRIED = ['--data-dir', '--strict', '--memory-limit', '--engine', '--threads', '--json'];

/** What continues a run, typed the way this process was started. @param words of this process's command. */
export function resumeCommand(folder: string, words: readonly string[] = process.argv.slice(2)): string {
  const carried = words.flatMap((word, i) => {
    const [option] = word.split('=', 1) as [string];
    if (!CARRIED.includes(option)) return [];
    const value = words[i + 1];
    const hasValue = word === option && value !== undefined && !value.startsWith('--');
    return hasValue ? [word, value] : [word];
  });
  return commandLine(['train', '--resume', folder, ...carried]);
}

/** The command that this process was started by, to be given again. */
export function sameCommand(): string {
  return commandLine(process.argv.slice(2));
}

function commandLine(words: readonly string[]): string {
  const program = process.env.npm_lifecycle_event ? 'npm run densor --' : 'densor';
  return [program, ...words.map(quoted)].join(' ');
}

function quoted(word: string): string {
  return /^[\w.,:=/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
