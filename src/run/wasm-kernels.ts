import { existsSync } from 'node:fs';

/** The build script of the kernels, and the file that it writes. A published package contains the kernels. */
const BUILDER = new URL('../../tools/build-wasm.js', import.meta.url);
const BUILT = new URL('../../kernels/sources.sha256', import.meta.url);

/**
 * Compiles the WASM kernels in a clone if they are missing, because installation compiles only the native kernels.
 */
export async function buildMissingWasm(): Promise<void> {
  if (existsSync(BUILT) || !existsSync(BUILDER)) return;
  const { buildWasm } = (await import(BUILDER.href)) as {
    buildWasm(which: 'best', tell: (line: string) => void): Promise<void>;
  };
  // Compilation takes a minute, so it is announced.
  await buildWasm('best', (line) => process.emitWarning(line, 'densor'));
}
