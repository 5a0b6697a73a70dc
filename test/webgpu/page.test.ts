import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadRun, fit as train } from '../../src/index.ts';
import { openEngine } from '../../src/run/engines.ts';
import { OPTIONS, type useLibrary } from '../browser/library-page.ts';
import { bitsOfState, colourImage, colours, OWN_NETWORK } from '../support/colours.ts';
import { picture } from '../support/images.ts';
import { bundlePage, CHROMIUM, servePage } from '../support/page.ts';
import { hashes, type hashesInPage } from './conformance-page.ts';

const PAGE = `<!doctype html><title>library</title><script type="module">
  import * as library from '/library.js';
  import * as conformance from '/conformance.js';
  globalThis.library = library;
  globalThis.conformance = conformance;
</script>`;

interface PageGlobals {
  readonly library: { readonly useLibrary: typeof useLibrary };
  readonly conformance: { readonly hashesInPage: typeof hashesInPage };
}

/** SwiftShader in Chromium, as Node has it. */
const FLAGS = [
  ...[
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
    '--enable-features=Vulkan',
  ],
  '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension',
];

let browser: Awaited<ReturnType<typeof chromium.launch>>;
let server: Awaited<ReturnType<typeof servePage>>;
beforeAll(async () => {
  const modules = await bundlePage(new URL('../browser/library-page.ts', import.meta.url), 'library.js');
  const conformance = await bundlePage(new URL('./conformance-page.ts', import.meta.url), 'conformance.js');
  server = await servePage({ '/': PAGE, ...modules, ...conformance }, false);
  browser = await chromium.launch({ executablePath: CHROMIUM!, args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});

const openPage = async () => {
  const page = await browser.newPage();
  await page.goto(server.origin);
  await page.waitForFunction(() => 'conformance' in globalThis);
  return page;
};

test('every conformance case has the bits of Node in a page', async () => {
  const page = await openPage();
  const inPage = await page.evaluate(() => (globalThis as unknown as PageGlobals).conformance.hashesInPage());
  await page.close();
  const engine = await openEngine('webgpu', 1);
  expect(inPage).toEqual(await hashes(engine));
  await engine.close();
});

test('a page trains on WebGPU with the bits of Node, and Node goes on with what it saved', async () => {
  const page = await openPage();
  const png = await picture({ colour: [20, 20, 190] });
  const inPage = await page.evaluate(
    (file) => (globalThis as unknown as PageGlobals).library.useLibrary([file], undefined, 'webgpu'),
    [...png],
  );
  await page.close();
  await using run = await train(OWN_NETWORK, colours(36), { ...OPTIONS, engine: 'webgpu' });
  expect(inPage.bits).toEqual(bitsOfState(run));
  await using saved = await loadRun(new Uint8Array(inPage.saved), { engine: 'webgpu' });
  expect(inPage.predictions).toEqual(await saved.predict([png, colourImage(colours(36), 1)]));
});
