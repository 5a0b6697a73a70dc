import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWasmEngine, WASM_ISAS, type WasmIsa } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import { bundlePage, CHROMIUM, servePage } from '../support/page.ts';
import { trainEpoch } from './train-epoch.ts';
import type { trainInPage } from './train-page.ts';

const PAGE = `<!doctype html><title>train</title><script type="module">
  import * as trainer from '/trainer.js';
  globalThis.trainer = trainer;
</script>`;

interface PageGlobals {
  readonly trainer: { readonly trainInPage: typeof trainInPage };
}

describe.skipIf(!CHROMIUM)('an epoch of training in headless Chromium', () => {
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  let server: Awaited<ReturnType<typeof servePage>>;
  beforeAll(async () => {
    server = await servePage({
      '/': PAGE,
      ...(await bundlePage(new URL('./train-page.ts', import.meta.url), 'trainer.js')),
    });
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test.each(WASM_ISAS)('has the bits of the same epoch in Node: %s', async (isa: WasmIsa) => {
    const page = await browser.newPage();
    await page.goto(server.origin);
    const inBrowser = await page.evaluate(
      (isa) => (globalThis as unknown as PageGlobals).trainer.trainInPage(isa),
      isa,
    );
    await page.close();
    const engine = await createWasmEngine({ threads: 2, ...(await loadWasmModule(isa)) });
    const inNode = await trainEpoch(engine);
    expect(inNode).toMatchObject({ finished: true });
    expect(inNode.losses.length).toBe(3);
    expect(inBrowser).toEqual(inNode);
  });
});
