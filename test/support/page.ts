import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A browser to drive; tests of pages are skipped where there is none. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Serves texts by their paths, and the built files, with the headers that give a page shared memory. */
export async function servePage(texts: Readonly<Record<string, string>>) {
  const server = createServer((request, response) => {
    const headers = {
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    };
    const path = new URL(request.url!, 'http://localhost').pathname;
    const content = texts[path] ?? (existsSync(dist + path) ? readFileSync(dist + path) : undefined);
    const kinds = { wasm: 'application/wasm', js: 'text/javascript' };
    const type = kinds[path.split('.').at(-1) as keyof typeof kinds] ?? 'text/html';
    if (content === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...headers, 'content-type': type }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, close: () => server.close() };
}
