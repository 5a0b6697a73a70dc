import { EngineError } from '../../engine.ts';
import { WASM_ISAS, type WasmIsa } from './engine.ts';

/**
 * The kernels from a server, for the best instruction set this browser supports, or the one that is asked for.
 * @param folder where the server has the package's `dist/kernels/`; by default beside this module, as the package has it.
 * @throws EngineError when they are not there, or the browser cannot run them.
 */
export async function fetchWasmModule(
  folder: string | URL = new URL('../../../../kernels/', import.meta.url),
  isa?: WasmIsa,
): Promise<{ readonly isa: WasmIsa; readonly module: WebAssembly.Module }> {
  for (const candidate of isa ? [isa] : WASM_ISAS) {
    const url = new URL(`${candidate}.wasm`, new URL(folder, location.href));
    const response = await fetch(url);
    if (!response.ok) {
      throw new EngineError(
        `the kernels are not at ${url} (status ${response.status}): serve dist/kernels there`,
      );
    }
    const bytes = await response.arrayBuffer();
    if (WebAssembly.validate(bytes)) return { isa: candidate, module: await WebAssembly.compile(bytes) };
  }
  throw new EngineError(`this browser cannot run the ${isa ?? 'WASM'} kernels`);
}
