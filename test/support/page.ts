import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** The browser for tests of pages, which are skipped without one. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** Resolves package imports of the built modules. */
export const IMPORT_MAP =
  '<script type="importmap">{"imports":{"zod":"/node_modules/zod/index.js"}}</script>';

/**
 * Serves texts by path, the built files and packages.
 * @param isIsolated whether to send the headers for cross-origin isolation, which allow shared memory.
 */
export async function servePage(texts: Readonly<Record<string, string | Uint8Array>>, isIsolated = true) {
  const server = createServer((request, response) => {
    const headers = isIsolated
      ? { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
      : {};
    const path = new URL(request.url!, 'http://localhost').pathname;
    const file = (path.startsWith('/node_modules/') ? packages : dist) + path;
    const content = texts[path] ?? (existsSync(file) ? readFileSync(file) : undefined);
    const kinds = { wasm: 'application/wasm', js: 'text/javascript' };
    const type = kinds[path.split('.').at(-1) as keyof typeof kinds] ?? 'text/html';
    if (content === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...headers, 'content-type': type }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, close: () => server.close() };
}

/** Bundles a module and its imports; returns the modules by their paths in a page. */
export async function bundlePage(entry: URL, name: string): Promise<Record<string, string>> {
  const lib = { entry: fileURLToPath(entry), formats: ['es' as const], fileName: () => name };
  const built = await build({
    ...{ configFile: false, logLevel: 'error', publicDir: false },
    build: { write: false, minify: false, target: 'es2022', lib },
  });
  const [first] = Array.isArray(built) ? built : [built];
  if (!first || !('output' in first)) throw new Error('nothing was built');
  const modules = first.output.filter((each) => each.type === 'chunk');
  const names = modules.map(({ fileName }) => fileName);
  const elsewhere = modules.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]);
  const missing = elsewhere.filter((each) => !names.includes(each));
  if (missing.length > 0) throw new Error(`the bundle lacks ${missing.join(', ')}`);
  return Object.fromEntries(modules.map(({ fileName, code }) => [`/${fileName}`, code]));
}
