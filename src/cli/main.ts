#!/usr/bin/env node
import './heap.ts'; // First: it sets how the heap grows.
import { runProgram } from './program.ts';

/** A pipe whose reader is gone (a `tee` that Ctrl-C ended too) must not end a run before it is saved. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) process.exitCode = 1;
    });
  }
}

outliveReaders();
const status = await runProgram(process.argv.slice(2));
if (status !== 0) process.exitCode = status;
