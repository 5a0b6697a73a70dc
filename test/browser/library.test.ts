import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWasmEngine, loadRun, loadWasmModule, fit as train } from '../../src/index.ts';
import { bitsOfState, colourImage, colours, OWN_NETWORK } from '../support/colours.ts';
import { picture } from '../support/images.ts';
import { bundlePage, CHROMIUM, servePage } from '../support/page.ts';
import { type mistake, OPTIONS, type useLibrary } from './library-page.ts';

const PAGE = `<!doctype html><title>library</title><script type="module">
  import * as library from '/library.js';
  globalThis.library = library;
</script>`;

interface PageGlobals {
  readonly library: { readonly useLibrary: typeof useLibrary; readonly mistake: typeof mistake };
}

describe.skipIf(!CHROMIUM)('the library in headless Chromium', () => {
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  const servers: Awaited<ReturnType<typeof servePage>>[] = [];
  beforeAll(async () => {
    const modules = await bundlePage(new URL('./library-page.ts', import.meta.url), 'library.js');
    const html = Object.fromEntries(
      ['relaxed-simd', 'simd128', 'scalar'].map((isa) => [`/answers-html/${isa}.wasm`, PAGE]),
    );
    for (const isIsolated of [true, false])
      servers.push(await servePage({ '/': PAGE, ...html, ...modules }, isIsolated));
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
  });
  const open = async (isIsolated: boolean) => {
    const page = await browser.newPage();
    await page.goto(servers[isIsolated ? 0 : 1]!.origin);
    await page.waitForFunction(() => 'library' in globalThis);
    return page;
  };

  test.each([true, false])('trains and predicts with the bits of Node (isolated: %s)', async (isIsolated) => {
    const files = [
      await picture({ colour: [20, 20, 190] }),
      await picture({ colour: [20, 190, 20], format: 'jpeg' }),
      await picture({ colour: [190, 20, 20], format: 'webp' }),
    ];
    const page = await open(isIsolated);
    const inPage = await page.evaluate(
      ([files, threads]) => (globalThis as unknown as PageGlobals).library.useLibrary(files, threads),
      [files.map((bytes) => [...bytes]), isIsolated ? 2 : undefined] as const,
    );
    await page.close();
    const engine = await createWasmEngine({ threads: 2, ...(await loadWasmModule()) });
    await using run = await train(OWN_NETWORK, colours(36), { ...OPTIONS, engine });
    expect([inPage.isolated, inPage.finished, inPage.canvas]).toEqual([isIsolated, true, 24]);
    expect(inPage.onnxBytes).toBeGreaterThan(1000);
    expect(inPage.bits).toEqual(bitsOfState(run));
    await using saved = await loadRun(new Uint8Array(inPage.saved), { engine });
    const [png, jpeg, webp, pixels] = inPage.predictions;
    expect(pixels).toEqual(await saved.predict(colourImage(colours(36), 1)));
    expect(png).toEqual(await saved.predict(files[0]!));
    // Two JPEG decoders may differ by 1 of 255 in a pixel.
    for (const [found, file] of [
      [jpeg, files[1]],
      [webp, files[2]],
    ] as const) {
      const [best] = await saved.predict(file!);
      expect(found![0]).toEqual({ label: best!.label, probability: expect.closeTo(best!.probability, 2) });
    }
    await engine.close();
  });

  test.each([
    [
      'threads',
      false,
      /not isolated.*https or localhost.*Cross-Origin-Opener-Policy: same-origin.*Cross-Origin-Embedder-Policy: require-corp/,
    ],
    [
      'html',
      true,
      /answers-html\/relaxed-simd\.wasm is a page of HTML \(application\/wasm\), not WebAssembly.*Copy node_modules/,
    ],
    ['missing', true, /nowhere\/relaxed-simd\.wasm answers with status 404/],
    ['folder', true, /a page has no folder photos: expected \{ images, labels \}/],
    ['run', true, /scalar\.wasm is a page of HTML: expected a checkpoint/],
  ] as const)('says what is wrong: %s', async (kind, isIsolated, message) => {
    const page = await open(isIsolated);
    const said = await page.evaluate(
      (kind) => (globalThis as unknown as PageGlobals).library.mistake(kind),
      kind,
    );
    await page.close();
    expect(said).toMatch(message);
  });
});
