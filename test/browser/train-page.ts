import { createWasmEngine, type WasmIsa } from '../../src/engine/cpu/wasm/engine.ts';
import { fetchWasmModule } from '../../src/engine/cpu/wasm/fetch-module.ts';
import { trainEpoch } from './train-epoch.ts';

/** Trains in a page with the bundled trainer. */
export async function trainInPage(isa: WasmIsa) {
  const engine = await createWasmEngine({ threads: 2, ...(await fetchWasmModule('/kernels/', isa)) });
  return trainEpoch(engine);
}
