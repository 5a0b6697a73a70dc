import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { EngineError } from '../../engine.ts';
import { WASM_ISAS, type WasmIsa, type WasmKernels } from './engine.ts';
import { startNodeThreads } from './node-threads.ts';

/** Folders of the kernels, relative to the built file and to its source. */
const FOLDERS = ['../../../../kernels/', '../../../../dist/kernels/'];

/**
 * Loads the kernels from disk, for the best instruction set this Node supports, or for the requested one.
 * @throws EngineError when they were not built, or Node cannot run them.
 */
export async function loadWasmModule(isa?: WasmIsa): Promise<WasmKernels> {
  // Node 20 has relaxed SIMD behind a flag; later versions ignore it.
  setFlagsFromString('--experimental-wasm-relaxed-simd');
  for (const candidate of isa ? [isa] : WASM_ISAS) {
    const bytes = await readKernels(candidate);
    if (!WebAssembly.validate(bytes)) continue;
    return { isa: candidate, module: await WebAssembly.compile(bytes), startThreads: startNodeThreads };
  }
  throw new EngineError(`this Node (${process.version}) cannot run the ${isa ?? 'WASM'} kernels`);
}

async function readKernels(isa: WasmIsa): Promise<Uint8Array<ArrayBuffer>> {
  for (const folder of FOLDERS) {
    try {
      return new Uint8Array(await readFile(new URL(`${folder}${isa}.wasm`, import.meta.url)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new EngineError(`the ${isa} kernels are not built: run \`npm run build\``);
}
