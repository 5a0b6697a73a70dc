import { once } from 'node:events';
import { isMainThread, Worker } from 'node:worker_threads';
import { buildNative } from './build-native.ts';
import { buildWasm } from './build-wasm.ts';

/**
 * Builds the kernels for all engines available here, unless they are up to date. With `--best` only those that
 * `densor train` uses on this machine, for a fast installation; the others are built before tests and for a
 * package. The WASM compiler is itself a WASM module that blocks its thread, so it runs in a worker thread, in
 * parallel with the native compilers.
 */
if (!isMainThread) await buildWasm();
else if (process.argv.includes('--best')) {
  if (!(await buildNative({ which: 'best' }))) await buildWasm('best');
} else {
  const wasm = once(new Worker(new URL(import.meta.url)), 'exit');
  await Promise.all([wasm, buildNative()]);
}
