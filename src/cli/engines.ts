import { nativeIsas } from '../engine/cpu/native/load-module.ts';
import type { Engine } from '../engine/engine.ts';
import { type EngineName, openEngine as open } from '../run/engines.ts';
import { hasDeviceMemory } from '../run/process-memory.ts';
import { counted } from '../tensor/counted.ts';
import { say } from './terminal.ts';

export { ENGINE_NAMES, type EngineName, engineOf, targetOf } from '../run/engines.ts';

/** Opens an engine by name; shows how many kernels are compiled, if the engine compiles them. @throws EngineError */
export async function openEngine(name: EngineName, threads: number): Promise<Engine> {
  return open(name, threads, (await import('./progress.ts')).showCompiling());
}

/** Prints on stderr which engine `auto` selected and why, before long operations. */
export function announce(name: EngineName, { name: opened, isa }: Engine): void {
  if (name !== 'auto') return;
  if (opened === 'webgpu') say(`engine webgpu: ${isa}, measured to be faster than the processor`);
  else if (opened === 'wasm') {
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
