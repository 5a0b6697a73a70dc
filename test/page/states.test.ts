import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.ts';
import { readSlot, type SyncFile, writeSlot } from '../../web/lab/slots.ts';
import { CHROMIUM } from '../support/page.ts';
import { checkAccessibility } from './axe.ts';
import { choose, PageBench, picture, waitForEpoch, waitForPhase } from './support.ts';

const bench = new PageBench();
beforeAll(() => bench.start());
afterAll(() => bench.close());

const SMALL = { epochs: 400, size: 16, batch: 16, seed: 3 } as const;
const MODEL = 'densenet-bc-10-4';

const trouble = (page: Page) => page.getByTestId('trouble').textContent();

/** Epochs that the header tells of. */
async function epochOf(page: Page): Promise<number> {
  return Number(/[\d.]+/.exec((await page.getByTestId('epoch').textContent())!)![0]);
}

async function startTraining(context: BrowserContext, epoch = 1): Promise<Page> {
  const page = await bench.openLab(context);
  await choose(page, MODEL, SMALL);
  await page.getByTestId('train').click();
  await waitForPhase(page, 'running');
  await waitForEpoch(page, epoch);
  return page;
}

async function stop(page: Page): Promise<void> {
  await page.getByTestId('stop').click();
  await waitForPhase(page, 'stopped');
}

/** The page without its service worker, so that a test can answer its requests; it then has one thread. */
async function openBare(context: BrowserContext): Promise<Page> {
  const page = await bench.page(context);
  await page.goto(`${bench.host.address}#/lab`);
  await page.getByTestId('setting-epochs').waitFor();
  return page;
}

/** Says the same in Chinese, and axe finds nothing. */
async function expectInChinese(page: Page, wanted: RegExp, name: string): Promise<void> {
  await page.getByTestId('language').click();
  await page.getByTestId('train').click();
  await expect.poll(() => trouble(page)).toMatch(wanted);
  await picture(page, `${name}-zh`);
  expect(await checkAccessibility(page)).toEqual([]);
}

const originOf = () => new URL(bench.host.address).origin;

describe.skipIf(!CHROMIUM)('the Lab, when the browser is in its way', () => {
  test('trains on while its tab is hidden, and shows all of it afterwards', async () => {
    const context = await bench.context();
    const page = await startTraining(context);
    const session = await context.newCDPSession(page);
    await page.evaluate(() => {
      // As a browser does it: what is hidden is told so, and draws nothing.
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    const before = await epochOf(page);
    await page.waitForTimeout(2000);
    await page.evaluate(() => {
      Reflect.deleteProperty(document, 'hidden');
      Reflect.deleteProperty(document, 'visibilityState');
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await expect.poll(() => epochOf(page)).toBeGreaterThan(before);
    // A frozen page draws nothing and hears nothing; its worker may be frozen with it. Nothing is lost.
    const frozenAt = await epochOf(page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await expect.poll(() => epochOf(page)).toBeGreaterThan(frozenAt);
    await stop(page);
    // Every step was told of, in order.
    await page.locator('nav.tabs a[href$=log]').click();
    const lines = await page.locator('.log li', { hasText: /epoch \d+:/ }).allTextContents();
    const epochs = lines.map((line) => Number(/epoch (\d+):/.exec(line)![1]));
    expect(epochs).toEqual(epochs.map((_, i) => epochs[0]! + Math.sign(epochs[1]! - epochs[0]!) * i));
    expect(bench.complaints).toEqual([]);
    await context.close();
  });

  test('does not begin where the quota of the browser has no room, says so, and begins when there is', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    await choose(page, MODEL, SMALL);
    const session = await context.newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: originOf(), quotaSize: 1000 });
    await page.getByTestId('train').click();
    await expect.poll(() => trouble(page)).toMatch(/no room for another checkpoint/);
    await picture(page, 'quota');
    await expectInChinese(page, /没有空间/, 'quota');
    await session.send('Storage.overrideQuotaForOrigin', { origin: originOf() });
    await page.getByTestId('train').click();
    await waitForPhase(page, 'running');
    await stop(page);
    await context.close();
  });

  test('has no runs when the browser has deleted them all, and says so of one that was open', async () => {
    const context = await bench.context();
    const page = await startTraining(context);
    await stop(page);
    const session = await context.newCDPSession(page);
    await session.send('Storage.clearDataForOrigin', { origin: originOf(), storageTypes: 'file_systems' });
    await page.reload();
    await expect.poll(() => page.locator('.empty').textContent()).toMatch(/no such run/);
    await page.goto(`${bench.host.address}#/runs`);
    await page.getByTestId('runs-empty').waitFor();
    expect(bench.complaints).toEqual([]);
    await context.close();
  });

  /** A browser whose memory ends at so many pages of 64 KiB. */
  async function openWithMemory(context: BrowserContext, pages: number): Promise<Page> {
    await context.route('**/assets/worker-*.js', async (route) => {
      const response = await route.fetch();
      const short = `WebAssembly.Memory = class extends WebAssembly.Memory {
        constructor(options) {
          if (options.initial > ${pages}) throw new RangeError('could not allocate memory');
          super(options);
        }
      };`;
      await route.fulfill({ response, body: `${short}\n${await response.text()}` });
    });
    const page = await openBare(context);
    await choose(page, 'densenet-bc-22-12', { epochs: 1, size: 32, batch: 64 });
    await page.getByTestId('train').click();
    return page;
  }

  test('goes on slower where the browser refuses some of the memory, and says so', async () => {
    const context = await bench.context({ serviceWorkers: 'block' });
    const page = await openWithMemory(context, 1200); // The plan that keeps all results takes more than 1,300.
    await waitForPhase(page, 'running');
    await expect
      .poll(() => page.locator('header.run').textContent())
      .toMatch(/Memory is short: some results/);
    await page.locator('nav.tabs a[href$=memory]').click();
    await expect.poll(() => page.locator('.legend').textContent()).toContain('feature maps, recomputed');
    await picture(page, 'memory-recomputed');
    await page.getByTestId('language').click();
    await expect.poll(() => page.locator('.legend').textContent()).toContain('特征图（重新计算）');
    expect(await page.locator('header.run').textContent()).toContain('重新计算');
    expect(await checkAccessibility(page)).toEqual([]);
    await context.close();
  });

  test('names the memory that the browser refuses, and what to choose', async () => {
    const context = await bench.context({ serviceWorkers: 'block' });
    const page = await openWithMemory(context, 64);
    await expect
      .poll(() => trouble(page), { timeout: 60_000 })
      .toMatch(/too little memory for this \(\d+ MiB\): choose a smaller batch/);
    await picture(page, 'memory-short');
    await expectInChinese(page, /浏览器的内存不够/, 'memory-short');
    await context.close();
  });

  test('says in one sentence that the page has no kernels', async () => {
    const context = await bench.context({ serviceWorkers: 'block' });
    await context.route('**/*.wasm', (route) => route.fulfill({ status: 404 }));
    const page = await openBare(context);
    await choose(page, MODEL, SMALL);
    await page.getByTestId('train').click();
    await expect.poll(() => trouble(page)).toMatch(/^The kernels of this page are missing .*npm run build/);
    await picture(page, 'no-kernels');
    await page.locator('nav a[href="#/runs"]').click();
    await page.getByTestId('runs-empty').waitFor(); // A run that never began is not kept.
    await page.goBack();
    await expectInChinese(page, /缺少此页面的计算内核/, 'no-kernels');
    await context.close();
  });
});

/** A file in memory, to write a checkpoint as the page stores it. */
class MemoryFile implements SyncFile {
  bytes = new Uint8Array();
  read(to: Uint8Array, { at }: { readonly at: number }): number {
    const part = this.bytes.subarray(at, at + to.length);
    to.set(part);
    return part.length;
  }
  write(from: Uint8Array, { at }: { readonly at: number }): number {
    const grown = new Uint8Array(Math.max(this.bytes.length, at + from.length));
    grown.set(this.bytes);
    grown.set(from, at);
    this.bytes = grown;
    return from.length;
  }
  truncate(size: number): void {
    this.bytes = this.bytes.slice(0, size);
  }
  getSize(): number {
    return this.bytes.length;
  }
  flush(): void {}
  close(): void {}
}

type Files = Readonly<Record<string, string>>;

/** Files of the only run that is stored, as base64. */
function storedFiles(page: Page): Promise<Files> {
  return page.evaluate(async () => {
    const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
    const found: Record<string, string> = {};
    for await (const folder of runs.values() as unknown as AsyncIterable<FileSystemDirectoryHandle>)
      for await (const file of folder.values() as unknown as AsyncIterable<FileSystemFileHandle>) {
        const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
        found[file.name] = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
      }
    return found;
  });
}

function storeFiles(page: Page, files: Files): Promise<void> {
  return page.evaluate(async (given) => {
    const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
    for await (const folder of runs.values() as unknown as AsyncIterable<FileSystemDirectoryHandle>)
      for (const [name, base64] of Object.entries(given)) {
        const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
        await stream.write(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
        await stream.close();
      }
  }, files);
}

/** The checkpoints of a run with other metadata, as another version of the page would have stored them. */
function withRun(files: Files, change: (run: Record<string, unknown>) => Record<string, unknown>): Files {
  const changed: Record<string, string> = {};
  for (const which of ['last', 'best']) {
    const slots = [0, 1].map((i) => {
      const file = new MemoryFile();
      file.bytes = new Uint8Array(Buffer.from(files[`${which}-${i}`]!, 'base64'));
      return file;
    }) as [MemoryFile, MemoryFile];
    const slot = readSlot(slots);
    if (!slot) continue;
    const { metadata, tensors } = decodeSafetensors(slot.bytes, which);
    const run = change(JSON.parse(metadata.get('densor')!));
    const pieces = encodeSafetensors({ metadata: new Map([['densor', JSON.stringify(run)]]), tensors });
    writeSlot(slots, { ...slot, bytes: Uint8Array.from(Buffer.concat(pieces)) });
    slots.forEach((file, i) => {
      changed[`${which}-${i}`] = Buffer.from(file.bytes).toString('base64');
    });
  }
  return changed;
}

describe.skipIf(!CHROMIUM)('a run that another version of the page has stored', () => {
  test('by an older one: is shown and goes on', async () => {
    const context = await bench.context();
    const page = await startTraining(context);
    await stop(page);
    const files = await storedFiles(page);
    const older = withRun(files, ({ numerics: _, logBytes: __, ...run }) => {
      const { leaves: ___, transforms: ____, ...config } = run.config as Record<string, unknown>;
      return { ...run, config, format: 1 };
    });
    // Its log tells of less, too: no plan, no sizes of weights, no confusions, and no settings.
    const log = Buffer.from(files['log.jsonl']!, 'base64')
      .toString()
      .split('\n')
      .filter((line) => !/"kind":"(plan|tensors|scores)"/.test(line))
      .map((line) =>
        line.includes('"kind":"start"') ? line.replace(/"config":\{.*?\},"model"/, '"model"') : line,
      )
      .join('\n');
    await storeFiles(page, { ...older, 'log.jsonl': Buffer.from(log).toString('base64') });
    await page.reload();
    await waitForPhase(page, 'stopped');
    for (const tab of ['memory', 'confusions', 'layers']) {
      await page.locator(`nav.tabs a[href$=${tab}]`).click();
      await page.locator('.empty').waitFor();
    }
    const at = await epochOf(page);
    await page.getByTestId('resume').click();
    await waitForPhase(page, 'running');
    await waitForEpoch(page, at + 1);
    await stop(page);
    expect(bench.complaints).toEqual([]);
    await context.close();
  });

  test('by a newer one: says to load the page again, and keeps it', async () => {
    const context = await bench.context();
    const page = await startTraining(context);
    await stop(page);
    const newer = withRun(await storedFiles(page), (run) => ({ ...run, format: 99, yetUnknown: true }));
    await storeFiles(page, newer);
    await page.reload();
    await waitForPhase(page, 'stopped');
    await page.getByTestId('resume').click();
    await expect.poll(() => trouble(page)).toMatch(/newer version of this page .*reload/);
    await picture(page, 'newer-run');
    expect((await storedFiles(page))['last-0']).toBe(newer['last-0']);
    // No file stays open: asked again, it says the same.
    await page.goBack();
    await page.getByTestId('resume').click();
    await expect.poll(() => trouble(page)).toMatch(/newer version of this page .*reload/);
    await context.close();
  });

  test('of which the browser has deleted some files: says what is missing', async () => {
    const context = await bench.context();
    const page = await startTraining(context);
    await stop(page);
    await page.evaluate(async () => {
      const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
      for await (const folder of runs.values() as unknown as AsyncIterable<FileSystemDirectoryHandle>)
        for (const name of ['last-0', 'last-1']) await folder.removeEntry(name);
    });
    await page.getByTestId('resume').click();
    await expect.poll(() => trouble(page)).toMatch(/Nothing is stored of this run .*train again/);
    await context.close();
  });
});
