import { nativeIsas } from '../engine/cpu/native/load-module.ts';
import type { Engine } from '../engine/engine.ts';
import { type EngineName, engineOf } from '../run/engines.ts';
import { hasDeviceMemory } from '../run/process-memory.ts';
import { counted } from '../tensor/counted.ts';
import { say } from './terminal.ts';

export { ENGINE_NAMES, type EngineName, engineOf, openEngine, targetOf } from '../run/engines.ts';

/** Prints on stderr which engine `auto` selected and why, before long operations. */
export function announce(name: EngineName): void {
  if (name !== 'auto') return;
  if (engineOf(name) === 'wasm') {
    say(
      'engine wasm: the native kernels are not built (install g++ 12 or clang 15, then run `npm run build`)',
    );
  } else say(`engine native: kernels built for this processor (${nativeIsas().join(', ')})`);
}

/** `wasm relaxed-simd, 2 threads`; of a graphics card its name alone. */
export function describeEngine({ name, isa, threads }: Engine): string {
  if (hasDeviceMemory(name)) return `${name}, ${isa}`;
  return `${name} ${isa}, ${counted(threads, 'thread')}`;
}
