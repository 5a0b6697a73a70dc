import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM } from '../support/page.ts';
import { choose, PageBench, waitForPhase } from './support.ts';

const bench = new PageBench();
beforeAll(() => bench.start());
afterAll(() => bench.close());

/** The Lab without its service worker, so that a test can answer its requests. */
async function openBare(): Promise<Page> {
  const page = await bench.page(await bench.context({ serviceWorkers: 'block' }));
  await page.addInitScript(() => {
    const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
    const urls = new Set<string>();
    Object.assign(globalThis, { objectUrls: urls });
    URL.createObjectURL = (of: Blob) => {
      const url = create(of);
      urls.add(url);
      return url;
    };
    URL.revokeObjectURL = (url) => {
      urls.delete(url);
      revoke(url);
    };
  });
  await page.goto(`${bench.host.address}#/lab`);
  return page;
}

/** Object URLs that are not revoked. */
const objectUrls = (page: Page) =>
  page.evaluate(() => (globalThis as unknown as { objectUrls: Set<string> }).objectUrls.size);

/** The only run that is stored loses the checkpoint of its best epoch, and is asked the last. */
const removeBest = (page: Page) =>
  page.evaluate(async () => {
    const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
    for await (const folder of runs.values() as unknown as AsyncIterable<FileSystemDirectoryHandle>)
      for (const name of ['best-0', 'best-1']) await folder.removeEntry(name);
  });

describe.skipIf(!CHROMIUM)('Try, when something fails', () => {
  test('shows no older answer, keeps its feature maps, asks again, and frees its pictures', async () => {
    const page = await openBare();
    await choose(page, 'densenet-bc-10-4', { epochs: 1, size: 16, batch: 16, lr: 0.05 });
    await page.getByTestId('train').click();
    await waitForPhase(page, 'done');
    await page.locator('nav.tabs a[href$=try]').click();
    const background = { r: 90, g: 90, b: 90 };
    const good = await sharp({ create: { width: 20, height: 20, channels: 3, background } })
      .png()
      .toBuffer();
    const give = (buffer: Buffer) =>
      page.getByTestId('try-picture').setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer });
    const predictions = page.getByTestId('predictions').locator('li');
    await give(good);
    await expect.poll(() => predictions.count()).toBe(5);
    await give(Buffer.from('no picture'));
    await expect.poll(() => page.locator('main [role=alert]').textContent()).toContain('the image');
    expect([await predictions.count(), await page.getByTestId('class-maps').count()]).toEqual([0, 0]);
    await give(good);
    await expect.poll(() => predictions.count()).toBe(5);
    expect(await objectUrls(page)).toBe(1);

    // Its images cannot be fetched, and later they can.
    await removeBest(page);
    await page.context().route('**/sample/*', (route) => route.abort());
    await page.getByTestId('nearest').click();
    await page.getByTestId('neighbours').locator('[role=alert]').waitFor();
    await page.context().unroute('**/sample/*');
    await page.getByTestId('nearest').click();
    await expect.poll(() => page.getByTestId('neighbours').locator('li').count()).toBe(5);
    // Another checkpoint was asked meanwhile: the picture's feature maps are still those that were computed.
    const width = () => page.locator('.maps canvas').first().getAttribute('width', { timeout: 5000 });
    expect(await width()).toBe('16');
    await page.getByTestId('maps-block').selectOption('2');
    await expect.poll(width).toBe('8');

    await page.locator('nav.tabs a[href$=time]').click();
    await expect.poll(() => objectUrls(page)).toBe(0);
    expect(bench.complaints).toEqual([]);
    await page.context().close();
  });
});

describe.skipIf(!CHROMIUM)('a part of the page that cannot be fetched', () => {
  test('says so, and is fetched when somebody comes again', async () => {
    const page = await bench.page(await bench.context({ serviceWorkers: 'block' }));
    await page.context().route('**/assets/worker-*.js', (route) => route.abort());
    await page.goto(`${bench.host.address}#/lab`);
    await expect
      .poll(() => page.getByTestId('trouble').textContent())
      .toMatch(/^a part of this page could not be fetched/);
    await page.context().unroute('**/assets/worker-*.js');
    await page.context().route('**/assets/privacy-*.js', (route) => route.abort());
    await page.locator('nav a[href="#/privacy"]').click();
    await expect.poll(() => page.locator('main .trouble').textContent()).toMatch(/fetch/);
    await page.locator('nav a[href="#/lab"]').click();
    await page.getByTestId('setting-epochs').waitFor();
    expect(bench.complaints).toEqual([]);
    await page.context().close();
  });
});
