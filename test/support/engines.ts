import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { createWasmEngine, WASM_ISAS } from '../../src/engine/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/wasm/load-module.ts';

/** An engine under test, opened only when its turn comes. */
export interface EngineCase {
  readonly name: string;
  open(threads?: number): Promise<Engine>;
}

/** Every float32 engine and instruction set of this machine: each must agree with `reference`. */
export const ENGINES: readonly EngineCase[] = WASM_ISAS.map((isa) => ({
  name: `wasm ${isa}`,
  open: async (threads = 2) => createWasmEngine({ threads, ...(await loadWasmModule(isa)) }),
}));

export const REFERENCE: EngineCase = { name: 'reference', open: async () => createReferenceEngine() };
