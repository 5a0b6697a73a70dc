import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadRun, fit as train } from '../../src/index.ts';
import { OPTIONS, type useLibrary } from '../browser/library-page.ts';
import { bitsOfState, colourImage, colours, OWN_NETWORK } from '../support/colours.ts';
import { picture } from '../support/images.ts';
import { bundlePage, CHROMIUM, servePage } from '../support/page.ts';

const PAGE = `<!doctype html><title>library</title><script type="module">
  import * as library from '/library.js';
  globalThis.library = library;
</script>`;

interface PageGlobals {
  readonly library: { readonly useLibrary: typeof useLibrary };
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
  server = await servePage({ '/': PAGE, ...modules }, false);
  browser = await chromium.launch({ executablePath: CHROMIUM!, args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});

test('a page trains on WebGPU with the bits of Node, and Node goes on with what it saved', async () => {
  const page = await browser.newPage();
  await page.goto(server.origin);
  await page.waitForFunction(() => 'library' in globalThis);
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
