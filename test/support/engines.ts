import type { Engine } from '../../src/engine/engine.ts';
import { createNativeEngine } from '../../src/engine/native/engine.ts';
import { loadNativeModule, nativeIsas } from '../../src/engine/native/load-module.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { createWasmEngine, WASM_ISAS } from '../../src/engine/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/wasm/load-module.ts';

/** An engine under test, opened only when its turn comes. */
export interface EngineCase {
  readonly name: string;
  open(threads?: number): Promise<Engine>;
}

const WASM: readonly EngineCase[] = WASM_ISAS.map((isa) => ({
  name: `wasm ${isa}`,
  open: async (threads = 2) => createWasmEngine({ threads, ...(await loadWasmModule(isa)) }),
}));

/** Empty on a machine without a C++ compiler. */
const NATIVE: readonly EngineCase[] = nativeIsas().map((isa) => ({
  name: `native ${isa}`,
  open: async (threads = 2) => createNativeEngine({ threads, ...loadNativeModule(isa) }),
}));

/** Every float32 engine and instruction set of this machine: each must agree with `reference`. */
export const ENGINES: readonly EngineCase[] = [...WASM, ...NATIVE];

export const REFERENCE: EngineCase = { name: 'reference', open: async () => createReferenceEngine() };
