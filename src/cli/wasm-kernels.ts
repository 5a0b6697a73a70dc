import { existsSync } from 'node:fs';
import { loadWasmModule } from '../engine/cpu/wasm/load-module.ts';
import { EngineError } from '../engine/engine.ts';
import { say } from './terminal.ts';

/** What a clone compiles the kernels with; a published package has them. */
const BUILDER = new URL('../../tools/build-wasm.js', import.meta.url);

/**
 * The WASM kernels. Where a clone does not have them yet (an install compiles those of the native engine alone) they are
 * compiled now. @throws EngineError
 */
export async function loadOrBuildWasm(): ReturnType<typeof loadWasmModule> {
  try {
    return await loadWasmModule();
  } catch (error) {
    if (!(error instanceof EngineError) || !existsSync(BUILDER)) throw error;
    const { buildWasm } = (await import(BUILDER.href)) as {
      buildWasm(which: 'best', tell: (line: string) => void): Promise<void>;
    };
    await buildWasm('best', say);
    return loadWasmModule();
  }
}
