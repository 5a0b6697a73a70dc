import type { Engine } from '../src/engine/engine.ts';
import { createWasmEngine, type WasmIsa } from '../src/engine/wasm/engine.ts';
import { loadWasmModule } from '../src/engine/wasm/load-module.ts';

/** An engine and instruction set by a contender's name: `wasm:relaxed-simd`. */
export async function openContender(name: string, threads: number): Promise<Engine> {
  const [engine, isa] = name.split(':') as [string, string];
  if (engine === 'wasm') return createWasmEngine({ threads, ...(await loadWasmModule(isa as WasmIsa)) });
  throw new RangeError(`no contender called ${name}`);
}
