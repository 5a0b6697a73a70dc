import { Command, CommanderError } from 'commander';
import { forgetChanges } from '../node/written.ts';
import type { CommandName } from '../train/settings/setting.ts';
import { VERSION } from '../version.ts';
import { describeFailure } from './errors.ts';
import { closeStatus, say } from './terminal.ts';

/** Each command's modules are loaded when it is asked for: most need few of them. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<Command>>> = {
  train: async () => (await import('./train.ts')).trainCommand(),
  ui: async () => (await import('./ui.ts')).uiCommand(),
  'lr-find': async () => (await import('./lr-find.ts')).lrFindCommand(),
  compare: async () => (await import('./compare.ts')).compareCommand(),
  evaluate: async () => (await import('./evaluate.ts')).evaluateCommand(),
  predict: async () => (await import('./predict.ts')).predictCommand(),
  pull: async () => (await import('./pull.ts')).pullCommand(),
  import: async () => (await import('./import.ts')).importCommand(),
  export: async () => (await import('./export.ts')).exportCommand(),
  summary: async () => (await import('./summary.ts')).summaryCommand(),
  bench: async () => (await import('./bench.ts')).benchCommand(),
  profile: async () => (await import('./profile.ts')).profileCommand(),
  verify: async () => (await import('./verify.ts')).verifyCommand(),
};

/**
 * Runs one command line; what it has to say of a failure goes to stderr as one line.
 * @param words without the program's own name.
 * @returns 0: done; 1: it failed; 2: bad usage or input.
 */
export async function runProgram(words: readonly string[]): Promise<0 | 1 | 2> {
  forgetChanges();
  const program = new Command('densor').description('Trains, measures and ships DenseNets.').version(VERSION);
  // `help X` of no command is no command either: commander would print its help.
  const line =
    words[0] === 'help' && words[1] !== undefined && !Object.hasOwn(COMMANDS, words[1])
      ? words.slice(1)
      : words;
  const asked = line[0] ?? '';
  const wanted = Object.hasOwn(COMMANDS, asked) ? COMMANDS[asked as CommandName] : undefined;
  for (const load of wanted ? [wanted] : Object.values(COMMANDS)) program.addCommand(await load());
  const names = Object.keys(COMMANDS);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: () => {}, writeErr: () => {} });
    command.showHelpAfterError(false);
  }
  try {
    await program.parseAsync(line, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const { status, line: failure } = describeFailure(error);
    if (error instanceof CommanderError && error.code === 'commander.help') {
      say(
        `densor: no command given: expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)} (see --help)`,
      );
    } else say(`densor: ${failure}`);
    return status;
  } finally {
    closeStatus(); // A failure leaves it open, and its timer would keep the process alive.
  }
}
