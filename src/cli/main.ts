#!/usr/bin/env node
import './heap.ts'; // First, because it sets V8 heap flags.
import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { runProgram } from './program.ts';
import { watchSignals } from './signals.ts';

/**
 * Failed output must not end a run before it is saved: a pipe without reader (EPIPE), a closed terminal (EIO), a
 * full disk (ENOSPC, EDQUOT). Lost results (stdout) are a failure; lost progress (stderr) is ignored.
 */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (stream === process.stdout) process.exitCode = 1;
      if (code === 'EIO') leaveTerminal();
    });
  }
}

/** File descriptors of terminals, determined at the start, because a closed terminal is no longer recognized. */
let onTerminal = [0, 1, 2].filter((file) => isatty(file));

/**
 * At exit Node restores the terminal mode, and aborts if the terminal is closed. This replaces closed terminals by
 * /dev/null.
 */
function leaveTerminal(): void {
  if (process.platform === 'win32') return;
  const files = onTerminal;
  onTerminal = [];
  for (const file of files) {
    try {
      closeSync(file);
      openSync('/dev/null', 'r+'); // Gets the lowest free descriptor: the one just closed.
    } catch {}
  }
}

outliveReaders();
watchSignals(onTerminal.length > 0);
const status = await runProgram(process.argv.slice(2));
if (status !== 0) process.exitCode = status;
