import { once } from 'node:events';
import { isMainThread, Worker } from 'node:worker_threads';
import { buildNative } from './build-native.ts';
import { buildWasm } from './build-wasm.ts';

/**
 * Builds the kernels for every engine that can be had here; what is up to date is left alone. With `--best` only those that
 * `densor train` takes on this machine, which is what an install waits for: the rest is built before the tests and for a
 * package. The compiler to WASM is a WASM module itself, which blocks its thread: it has its own, beside the processes
 * that compile natively.
 */
if (!isMainThread) await buildWasm();
else if (process.argv.includes('--best')) {
  if (!(await buildNative({ which: 'best' }))) await buildWasm('best');
} else {
  const wasm = once(new Worker(new URL(import.meta.url)), 'exit');
  await Promise.all([wasm, buildNative()]);
}
