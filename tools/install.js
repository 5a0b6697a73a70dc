// npm's install script. A published package contains the compiled TypeScript, and this builds the native kernels
// for this machine. In a clone nothing is compiled yet, and `prepare` builds everything. Without a compiler
// installation succeeds.
import { existsSync } from 'node:fs';

const built = new URL('../dist/tools/build-native.js', import.meta.url);
if (existsSync(built)) {
  const { buildNative } = await import(built);
  await buildNative({ which: 'best' });
}
