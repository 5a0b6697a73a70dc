import type { Engine } from '../engine/engine.ts';
import { createReferenceEngine } from '../engine/reference/engine.ts';
import { createWasmEngine } from '../engine/wasm/engine.ts';
import { loadWasmModule } from '../engine/wasm/load-module.ts';

export const ENGINE_NAMES = ['auto', 'wasm', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Opens an engine by name; `auto` is the fastest there is. @throws EngineError */
export async function openEngine(name: EngineName, threads: number): Promise<Engine> {
  if (name === 'reference') return createReferenceEngine();
  return createWasmEngine({ threads, ...(await loadWasmModule()) });
}

/** `wasm relaxed-simd, 2 threads`. */
export function describeEngine({ name, isa, threads }: Engine): string {
  return `${name} ${isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}
