import { nativeIsas } from '../engine/cpu/native/load-module.ts';
import type { Engine } from '../engine/engine.ts';
import { type EngineName, engineOf, openEngine as openBuilt } from '../run/engines.ts';
import { counted } from '../tensor/counted.ts';
import { say } from './terminal.ts';
import { buildMissingWasm } from './wasm-kernels.ts';

export { ENGINE_NAMES, type EngineName, engineOf, targetOf } from '../run/engines.ts';

/** As the library opens it, with kernels that a clone may still have to compile. @throws EngineError */
export async function openEngine(name: EngineName, threads: number): Promise<Engine> {
  if (engineOf(name) === 'wasm') await buildMissingWasm();
  return openBuilt(name, threads);
}

/** Says on stderr what `auto` took and why, before work that takes long. */
export function announce(name: EngineName): void {
  if (name !== 'auto') return;
  if (engineOf(name) === 'wasm') {
    say(
      'engine wasm: the native kernels are not built (install g++ 12 or clang 15, then run `npm run build`)',
    );
  } else say(`engine native: kernels built for this processor (${nativeIsas().join(', ')})`);
}

/** `wasm relaxed-simd, 2 threads`. */
export function describeEngine({ name, isa, threads }: Engine): string {
  return `${name} ${isa}, ${counted(threads, 'thread')}`;
}
