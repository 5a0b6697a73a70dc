import type { Engine } from '../engine/engine.ts';
import { createNativeEngine } from '../engine/native/engine.ts';
import { loadNativeModule, nativeIsas } from '../engine/native/load-module.ts';
import { createReferenceEngine } from '../engine/reference/engine.ts';
import { createWasmEngine } from '../engine/wasm/engine.ts';
import { loadWasmModule } from '../engine/wasm/load-module.ts';
import { say } from './progress.ts';

export const ENGINE_NAMES = ['auto', 'native', 'wasm', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/**
 * Opens an engine by name. `auto` is the fastest there is, native where it was built, and says on stderr what it
 * took and why. @throws EngineError
 */
export async function openEngine(name: EngineName, threads: number): Promise<Engine> {
  if (name === 'auto') say(whyAutomatic());
  switch (name === 'auto' ? automaticEngine() : name) {
    case 'reference':
      return createReferenceEngine();
    case 'native':
      return createNativeEngine({ threads, ...loadNativeModule() });
    default:
      return createWasmEngine({ threads, ...(await loadWasmModule()) });
  }
}

function automaticEngine(): 'native' | 'wasm' {
  return nativeIsas().length > 0 ? 'native' : 'wasm';
}

/** What `auto` takes on this machine and why, in one line. */
function whyAutomatic(): string {
  return automaticEngine() === 'native'
    ? `engine native (kernels compiled for this machine: ${nativeIsas().join(', ')})`
    : 'engine wasm: the native kernels are not built (they need g++ 12 or clang 15; then `npm run build`)';
}

/** `wasm relaxed-simd, 2 threads`. */
export function describeEngine({ name, isa, threads }: Engine): string {
  return `${name} ${isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}
