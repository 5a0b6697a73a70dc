import { createNativeEngine, nativeTarget } from '../engine/cpu/native/engine.ts';
import { loadNativeModule, nativeIsas } from '../engine/cpu/native/load-module.ts';
import { createWasmEngine } from '../engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../engine/cpu/wasm/load-module.ts';
import type { Engine } from '../engine/engine.ts';
import { createReferenceEngine } from '../engine/reference/engine.ts';
import type { Target } from '../plan/target.ts';
import { cpuTarget } from '../target/cpu/target.ts';
import { counted } from '../tensor/counted.ts';
import { ENGINE_NAMES } from '../train/settings/other-settings.ts';
import { say } from './terminal.ts';

export { ENGINE_NAMES };
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Opens an engine by name; `auto` is the fastest there is: native where it was built. @throws EngineError */
export async function openEngine(name: EngineName, threads: number): Promise<Engine> {
  switch (engineOf(name)) {
    case 'reference':
      return createReferenceEngine();
    case 'native':
      return createNativeEngine({ threads, ...loadNativeModule() });
    default:
      return createWasmEngine({ threads, ...(await loadWasmModule()) });
  }
}

/** The engine that a name stands for here. */
export function engineOf(name: EngineName): Exclude<EngineName, 'auto'> {
  return name === 'auto' ? automaticEngine() : name;
}

/** What networks are compiled for that the engine of this name runs: its `target`, without opening it. @throws EngineError */
export function targetOf(name: EngineName): Target {
  return engineOf(name) === 'native' ? nativeTarget(loadNativeModule().isa) : cpuTarget();
}

function automaticEngine(): 'native' | 'wasm' {
  return nativeIsas().length > 0 ? 'native' : 'wasm';
}

/** Says on stderr what `auto` took and why, before work that takes long. */
export function announce(name: EngineName): void {
  if (name !== 'auto') return;
  if (automaticEngine() === 'wasm') {
    say('engine wasm: the native kernels are not built (they need g++ 12 or clang 15; then `npm run build`)');
  } else say(`engine native: its kernels are built for this processor (${nativeIsas().join(', ')})`);
}

/** `wasm relaxed-simd, 2 threads`. */
export function describeEngine({ name, isa, threads }: Engine): string {
  return `${name} ${isa}, ${counted(threads, 'thread')}`;
}
