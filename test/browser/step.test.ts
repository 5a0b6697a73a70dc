import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as Densor from '../../src/browser.ts';
import { compile } from '../../src/compile.ts';
import { createWasmEngine, WASM_ISAS, type WasmIsa } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import { densenet } from '../../src/model/densenet.ts';
import { oneStep } from './one-step.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Loads the built modules as any page would. */
const PAGE = `<!doctype html><title>step</title><script type="module">
  import * as densor from '/src/browser.js';
  globalThis.densor = densor;
</script>`;

interface PageGlobals {
  readonly densor: typeof Densor;
}

/** Serves the built files, with the headers that give a page shared memory. */
function serve(): Server {
  return createServer((request, response) => {
    const headers = {
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    };
    const path = new URL(request.url!, 'http://localhost').pathname;
    if (path === '/') {
      response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end(PAGE);
    } else if (existsSync(dist + path)) {
      const type = path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
      response.writeHead(200, { ...headers, 'content-type': type }).end(readFileSync(dist + path));
    } else response.writeHead(404).end();
  });
}

describe.skipIf(!CHROMIUM)('one training step in headless Chromium', () => {
  const server = serve();
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  let origin: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    server.close();
  });

  test.each(WASM_ISAS)('has the bits of the same step in Node: %s', async (isa: WasmIsa) => {
    const page = await browser.newPage();
    await page.goto(origin);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    const inBrowser = await page.evaluate(
      async ([isa, stepSource]) => {
        const { compile, densenet, createWasmEngine, fetchWasmModule } = (
          globalThis as unknown as PageGlobals
        ).densor;
        const engine = await createWasmEngine({ threads: 2, ...(await fetchWasmModule(undefined, isa)) });
        const step = new Function(`return (${stepSource})`)() as typeof oneStep;
        return step(engine, compile, densenet);
      },
      [isa, oneStep.toString()] as const,
    );
    await page.close();
    const engine = await createWasmEngine({ threads: 2, ...(await loadWasmModule(isa)) });
    const inNode = await oneStep(engine, compile, densenet);
    expect(inNode.losses[1]).toBeLessThan(inNode.losses[0]!);
    expect(inBrowser).toEqual(inNode);
  });
});
