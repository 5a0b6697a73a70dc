import { Command, CommanderError } from 'commander';
import { forgetChanges } from '../node/written.ts';
import { alternatives } from '../tensor/argument.ts';
import { COMMAND_NAMES, type CommandName } from '../train/settings/setting.ts';
import { VERSION } from '../version.ts';
import { closeStatus, say } from './terminal.ts';

/**
 * Runs one command line. A failure is printed on stderr as one line.
 * @param words arguments without the program's name.
 * @returns exit status: 0 success, 1 failure, 2 invalid usage or input.
 */
export async function runProgram(words: readonly string[]): Promise<0 | 1 | 2> {
  forgetChanges();
  const program = new Command('densor').description('Trains, measures and ships DenseNets.').version(VERSION);
  const line = withoutHelp(words);
  if (line[0] !== '--version') await addCommands(program, commandNamed(line[0]));
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: () => {}, writeErr: () => {} });
    command.showHelpAfterError(false);
  }
  try {
    await program.parseAsync(line, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const { describeFailure } = await import('./errors.ts');
    const { status, line: failure } = describeFailure(error);
    if (error instanceof CommanderError && error.code === 'commander.help') {
      say(`densor: no command given: expected ${alternatives(COMMAND_NAMES)} (see --help)`);
    } else say(`densor: ${failure}`);
    return status;
  } finally {
    closeStatus(); // Still open after a failure; its timer would keep the process alive.
  }
}

/** `help X` is `X --help`; where there is no command X, it is X, an error: commander would print its help. */
function withoutHelp(words: readonly string[]): readonly string[] {
  const [first, asked] = words;
  if (first !== 'help' || asked === undefined) return words;
  return commandNamed(asked) ? [asked, '--help'] : [asked];
}

function commandNamed(word: string | undefined): CommandName | undefined {
  return COMMAND_NAMES.find((name) => name === word);
}

/** Adds the command that is asked for, or else all commands, to be listed. Loaded here: `--version` needs no settings. */
async function addCommands(program: Command, asked: CommandName | undefined): Promise<void> {
  const { COMMANDS } = await import('./commands.ts');
  const { commandOf, listedCommand } = await import('./options.ts');
  if (asked) program.addCommand(commandOf(asked, COMMANDS[asked]));
  else for (const name of COMMAND_NAMES) program.addCommand(listedCommand(name, COMMANDS[name]));
}
