import { EngineError } from '../../engine.ts';
import { WASM_ISAS, type WasmIsa, type WasmKernels } from './engine.ts';
import { startPageThreads } from './page-threads.ts';

/** As the package has them. Bundlers know them by these very expressions: they copy the files, and put their names here. */
const PACKAGED = (): Readonly<Record<WasmIsa, URL>> => ({
  'relaxed-simd': new URL('../../../../kernels/relaxed-simd.wasm', import.meta.url),
  simd128: new URL('../../../../kernels/simd128.wasm', import.meta.url),
  scalar: new URL('../../../../kernels/scalar.wasm', import.meta.url),
});

/** `\0asm`: how a WebAssembly module begins. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d] as const;

/**
 * The kernels from a server, for the best instruction set this browser supports, or the one that is asked for.
 * @param folder where the server has the package's `dist/kernels/`. Default: where the package or its bundler has put them,
 * else `kernels/` beside the script, or the package's own folder on a server for development.
 * @throws EngineError when they are not there, or the browser cannot run them.
 */
export async function fetchWasmModule(folder?: string | URL, isa?: WasmIsa): Promise<WasmKernels> {
  for (const candidate of isa ? [isa] : WASM_ISAS) {
    const bytes = await fetchKernels(candidate, folder);
    if (!WebAssembly.validate(bytes)) continue;
    return { isa: candidate, module: await WebAssembly.compile(bytes), startThreads: startPageThreads };
  }
  throw new EngineError(`this browser cannot run the ${isa ?? 'WASM'} kernels`);
}

/** The first answer that is a WebAssembly module. */
async function fetchKernels(isa: WasmIsa, folder: string | URL | undefined): Promise<ArrayBuffer> {
  const problems: string[] = [];
  for (const url of placesOf(isa, folder)) {
    const found = await fetchModule(url);
    if (found instanceof ArrayBuffer) return found;
    problems.push(found);
  }
  throw new EngineError(
    `the kernels are not there: ${problems.join('; ')}. Copy node_modules/densor/dist/kernels/*.wasm to where the page is ` +
      'served from, and name that folder: fetchWasmModule(folder), or `kernels` of loadRun and fit',
  );
}

function placesOf(isa: WasmIsa, folder: string | URL | undefined): readonly URL[] {
  if (folder !== undefined) {
    const base = new URL(folder, location.href);
    return [new URL(`${isa}.wasm`, base.href.endsWith('/') ? base : `${base.href}/`)];
  }
  const script = import.meta.url; // By a name of its own: bundlers would look for all files that this could be.
  const beside = new URL(`kernels/${isa}.wasm`, script);
  // Servers for development bundle packages into a folder of their own, without the files beside them.
  const inPackage = new URL(`/node_modules/densor/dist/kernels/${isa}.wasm`, location.href);
  const all = [PACKAGED()[isa], beside, inPackage].map(({ href }) => href);
  return [...new Set(all)].map((href) => new URL(href));
}

/** The module's bytes, or what is wrong with the answer. */
async function fetchModule(url: URL): Promise<ArrayBuffer | string> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    return `${url} cannot be fetched (${(error as Error).message})`;
  }
  if (!response.ok) return `${url} answers with status ${response.status}`;
  const bytes = await response.arrayBuffer();
  const start = new Uint8Array(bytes, 0, Math.min(bytes.byteLength, MAGIC.length));
  if (MAGIC.every((byte, i) => start[i] === byte)) return bytes;
  const kind = response.headers.get('content-type') ?? 'no type';
  const text = start[0] === 0x3c ? 'a page of HTML' : 'something else';
  return `${url} is ${text} (${kind}), not WebAssembly`;
}
