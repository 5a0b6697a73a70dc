#!/usr/bin/env node
import './heap.ts'; // First: it sets how the heap grows.
import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { runProgram } from './program.ts';
import { watchSignals } from './signals.ts';

/**
 * Output that cannot be written must not end a run before it is saved: a pipe's reader may be gone (EPIPE), a terminal
 * closed (EIO), the disk behind a redirection full (ENOSPC, EDQUOT). Lost results are a failure, lost progress is not.
 */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (stream === process.stdout) process.exitCode = 1;
      if (code === 'EIO') leaveTerminal();
    });
  }
}

/** Asked at the start: one that is gone no longer says that it was a terminal. */
let onTerminal = [0, 1, 2].filter((file) => isatty(file));

/** At its end Node restores the terminal's mode, and aborts where the terminal is gone; not where /dev/null took its place. */
function leaveTerminal(): void {
  if (process.platform === 'win32') return;
  const files = onTerminal;
  onTerminal = [];
  for (const file of files) {
    try {
      closeSync(file);
      openSync('/dev/null', 'r+'); // Takes the lowest number that is free: the one just closed.
    } catch {}
  }
}

outliveReaders();
watchSignals(onTerminal.length > 0);
const status = await runProgram(process.argv.slice(2));
if (status !== 0) process.exitCode = status;
