import { once } from 'node:events';
import { isMainThread, Worker } from 'node:worker_threads';
import { buildNative } from './build-native.ts';
import { buildWasm } from './build-wasm.ts';

/**
 * Builds the kernels for every engine that can be had here; what is up to date is left alone. The compiler to WASM is a
 * WASM module itself, which blocks its thread: it has its own, beside the processes that compile natively.
 */
if (isMainThread) {
  const wasm = once(new Worker(new URL(import.meta.url)), 'exit');
  await Promise.all([wasm, buildNative()]);
} else await buildWasm();
