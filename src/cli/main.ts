#!/usr/bin/env node
import './heap.ts'; // First: it sets how the heap grows.
import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { describeFailure } from './errors.ts';

/** Each command's modules are loaded when it is wanted: most need few of them. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import('./train.ts')).trainCommand(),
  'lr-find': async () => (await import('./lr-find.ts')).lrFindCommand(),
  compare: async () => (await import('./compare.ts')).compareCommand(),
  evaluate: async () => (await import('./evaluate.ts')).evaluateCommand(),
  predict: async () => (await import('./predict.ts')).predictCommand(),
  import: async () => (await import('./import.ts')).importCommand(),
  export: async () => (await import('./export.ts')).exportCommand(),
  summary: async () => (await import('./summary.ts')).summaryCommand(),
  bench: async () => (await import('./bench.ts')).benchCommand(),
  profile: async () => (await import('./profile.ts')).profileCommand(),
  verify: async () => (await import('./verify.ts')).verifyCommand(),
};

/** A pipe whose reader is gone (a `tee` that Ctrl-C ended too) must not end a run before it is saved. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) process.exitCode = 1;
    });
  }
}

/** Exit status 0: done; 1: it failed; 2: bad usage or input. */
async function main(): Promise<void> {
  const program = new Command('densor').description('Trains, measures and ships DenseNets.').version(VERSION);
  const asked = process.argv[2] ?? '';
  const wanted = Object.hasOwn(COMMANDS, asked) ? COMMANDS[asked] : undefined;
  for (const load of wanted ? [wanted] : Object.values(COMMANDS)) program.addCommand(await load());
  const names = Object.keys(COMMANDS);
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

outliveReaders();
await main();
