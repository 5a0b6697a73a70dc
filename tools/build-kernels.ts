import { buildNative } from './build-native.ts';
import { buildWasm } from './build-wasm.ts';

/** Builds the kernels for every engine that can be had here; what is up to date is left alone. */
await buildWasm();
await buildNative();
