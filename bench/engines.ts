import { createNativeEngine } from '../src/engine/cpu/native/engine.ts';
import { loadNativeModule } from '../src/engine/cpu/native/load-module.ts';
import { createWasmEngine, type WasmIsa } from '../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../src/engine/cpu/wasm/load-module.ts';
import type { Engine } from '../src/engine/engine.ts';

/** An engine and instruction set by a contender's name: `native:avx512`, `wasm:relaxed-simd`, `native:avx2:bf16`. */
export async function openContender(name: string, threads: number): Promise<Engine> {
  const [engine, isa] = name.split(':') as [string, string];
  if (engine === 'wasm') return createWasmEngine({ threads, ...(await loadWasmModule(isa as WasmIsa)) });
  if (engine === 'native') return createNativeEngine({ threads, ...loadNativeModule(isa) });
  throw new RangeError(`no contender called ${name}`);
}
