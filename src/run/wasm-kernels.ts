import { existsSync } from 'node:fs';

/** What a clone compiles the kernels with, and what says that it has; a published package has the kernels. */
const BUILDER = new URL('../../tools/build-wasm.js', import.meta.url);
const BUILT = new URL('../../kernels/sources.sha256', import.meta.url);

/** Compiles the WASM kernels where a clone does not have them yet: an install compiles those of the native engine alone. */
export async function buildMissingWasm(): Promise<void> {
  if (existsSync(BUILT) || !existsSync(BUILDER)) return;
  const { buildWasm } = (await import(BUILDER.href)) as {
    buildWasm(which: 'best', tell: (line: string) => void): Promise<void>;
  };
  // A minute in silence looks like a hang.
  await buildWasm('best', (line) => process.emitWarning(line, 'densor'));
}
