#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { benchCommand } from './bench.ts';
import { compareCommand } from './compare.ts';
import { describeFailure } from './errors.ts';
import { evaluateCommand } from './evaluate.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { lrFindCommand } from './lr-find.ts';
import { predictCommand } from './predict.ts';
import { profileCommand } from './profile.ts';
import { summaryCommand } from './summary.ts';
import { trainCommand } from './train.ts';
import { verifyCommand } from './verify.ts';

/** Exit status 0: done; 1: it failed; 2: bad usage or input. */
async function main(): Promise<void> {
  const program = new Command('densor').description('Trains, measures and ships DenseNets.');
  for (const command of [
    trainCommand(),
    lrFindCommand(),
    compareCommand(),
    evaluateCommand(),
    predictCommand(),
    importCommand(),
    exportCommand(),
    summaryCommand(),
    benchCommand(),
    profileCommand(),
    verifyCommand(),
  ]) {
    program.addCommand(command);
  }
  const names = program.commands.map((command) => command.name());
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ outputError: () => {}, writeErr: () => {} });
    command.showHelpAfterError(false);
  }
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const { status, line } = describeFailure(error);
    if (error instanceof CommanderError && error.code === 'commander.help') {
      process.stderr.write(
        `densor: no command given: expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)} (--help says more)\n`,
      );
    } else process.stderr.write(`densor: ${line.replaceAll('\n', ' ')}\n`);
    process.exitCode = status;
  }
}

await main();
