import { createNativeEngine } from '../../src/engine/cpu/native/engine.ts';
import { loadNativeModule } from '../../src/engine/cpu/native/load-module.ts';
import { createWasmEngine, type WasmIsa } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { openEngine } from '../../src/run/engines.ts';

const OPEN: Readonly<Record<string, (threads: number, isa: string) => Promise<Engine>>> = {
  wasm: async (threads, isa) => createWasmEngine({ threads, ...(await loadWasmModule(isa as WasmIsa)) }),
  native: async (threads, isa) => createNativeEngine({ threads, ...loadNativeModule(isa) }),
  webgpu: (threads) => openEngine('webgpu', threads),
};

const wordsOf = (name: string) => name.split(/[: ]/) as [string, string];

export function isEngine(name: string): boolean {
  return Object.hasOwn(OPEN, wordsOf(name)[0]);
}

/** Opens the engine of a contender: `native:avx512`, `wasm:relaxed-simd`, `native:avx2:bf16`, `webgpu`. */
export async function openContender(name: string, threads: number): Promise<Engine> {
  const [engine, isa] = wordsOf(name);
  const open = OPEN[engine];
  if (!open) throw new RangeError(`no contender called ${name}`);
  return open(threads, isa);
}
