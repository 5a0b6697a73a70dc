// npm's install step: a published package brings what tsc made, so what may be missing are kernels for this machine.
// In a clone there is nothing built yet, and `prepare` does it all. An install never fails for want of a compiler.
import { existsSync } from 'node:fs';

const built = new URL('../dist/tools/build-native.js', import.meta.url);
if (existsSync(built)) {
  const { buildNative } = await import(built);
  await buildNative({ which: 'best' });
}
