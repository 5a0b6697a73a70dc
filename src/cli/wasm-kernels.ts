import { existsSync } from 'node:fs';
import { say } from './terminal.ts';

/** What a clone compiles the kernels with, and what says that it has; a published package has the kernels. */
const BUILDER = new URL('../../tools/build-wasm.js', import.meta.url);
const BUILT = new URL('../../kernels/sources.sha256', import.meta.url);

/** Compiles the WASM kernels where a clone does not have them yet: an install compiles those of the native engine alone. */
export async function buildMissingWasm(): Promise<void> {
  if (existsSync(BUILT) || !existsSync(BUILDER)) return;
  const { buildWasm } = (await import(BUILDER.href)) as {
    buildWasm(which: 'best', tell: (line: string) => void): Promise<void>;
  };
  await buildWasm('best', say);
}
