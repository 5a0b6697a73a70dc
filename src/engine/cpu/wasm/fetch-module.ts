import { EngineError } from '../../engine.ts';
import { WASM_ISAS, type WasmIsa, type WasmKernels } from './engine.ts';
import { startPageThreads } from './page-threads.ts';

/**
 * URLs of the kernels in the package. Bundlers recognise exactly these expressions: they copy the files and replace
 * the URLs.
 */
const PACKAGED = (): Readonly<Record<WasmIsa, URL>> => ({
  'relaxed-simd': new URL('../../../../kernels/relaxed-simd.wasm', import.meta.url),
  simd128: new URL('../../../../kernels/simd128.wasm', import.meta.url),
  scalar: new URL('../../../../kernels/scalar.wasm', import.meta.url),
});

/** `\0asm`: the magic number of WebAssembly modules. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d] as const;

/**
 * Fetches the kernels from a server, for the best instruction set this browser supports, or for the requested one.
 * @param folder URL of the package's `dist/kernels/` on the server. Default: the location chosen by the package or
 * its bundler, then `kernels/` beside the script, then the package's folder on a development server.
 * @throws EngineError when they are not found, or the browser cannot run them.
 */
export async function fetchWasmModule(folder?: string | URL, isa?: WasmIsa): Promise<WasmKernels> {
  for (const candidate of isa ? [isa] : WASM_ISAS) {
    const bytes = await fetchKernels(candidate, folder);
    if (!WebAssembly.validate(bytes)) continue;
    return { isa: candidate, module: await WebAssembly.compile(bytes), startThreads: startPageThreads };
  }
  throw new EngineError(`this browser cannot run the ${isa ?? 'WASM'} kernels`);
}

/** The first response that is a WebAssembly module. */
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
  const script = import.meta.url; // A separate variable: bundlers would otherwise search for all matching files.
  const beside = new URL(`kernels/${isa}.wasm`, script);
  // Development servers bundle packages into a folder of their own, without the files beside them.
  const inPackage = new URL(`/node_modules/densor/dist/kernels/${isa}.wasm`, location.href);
  const all = [PACKAGED()[isa], beside, inPackage].map(({ href }) => href);
  return [...new Set(all)].map((href) => new URL(href));
}

/** The module's bytes, or a description of what is wrong with the response. */
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
