import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as Densor from '../../src/browser.ts';
import { compile } from '../../src/compile.ts';
import { createWasmEngine, WASM_ISAS, type WasmIsa } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import { densenet } from '../../src/model/densenet.ts';
import { CHROMIUM, IMPORT_MAP, servePage } from '../support/page.ts';
import { oneStep } from './one-step.ts';

/** A page that loads the built modules. */
const PAGE = `<!doctype html><title>step</title>${IMPORT_MAP}<script type="module">
  import * as densor from '/src/browser.js';
  globalThis.densor = densor;
</script>`;

interface PageGlobals {
  readonly densor: typeof Densor;
}

describe.skipIf(!CHROMIUM)('one training step in headless Chromium', () => {
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  let server: Awaited<ReturnType<typeof servePage>>;
  beforeAll(async () => {
    server = await servePage({ '/': PAGE });
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test.each(WASM_ISAS)('has the bits of the same step in Node: %s', async (isa: WasmIsa) => {
    const page = await browser.newPage();
    await page.goto(server.origin);
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
