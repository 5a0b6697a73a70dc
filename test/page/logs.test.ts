import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM } from '../support/page.ts';
import { runEvents } from '../support/run-events.ts';
import { checkAccessibility } from './axe.ts';
import { PageBench, PICTURES, picture, waitForPhase } from './support.ts';

const bench = new PageBench();
beforeAll(() => bench.start());
afterAll(() => bench.close());

const linesOf = (events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const DONE = linesOf(runEvents({ epochs: 3, stepsPerEpoch: 40 }));

async function openRuns(options: Parameters<PageBench['context']>[0] = {}): Promise<Page> {
  const page = await bench.page(await bench.context(options));
  await page.goto(`${bench.host.address}#/runs`);
  await page.waitForFunction(
    () => crossOriginIsolated && document.documentElement.dataset.offline === 'ready',
  );
  await page.getByTestId('runs-empty').waitFor();
  return page;
}

const give = (page: Page, name: string, text: string) =>
  page
    .getByTestId('log-file')
    .setInputFiles({ name, mimeType: 'application/jsonl', buffer: Buffer.from(text) });

/** Drops a file or a folder on the page, as a visitor does, outside of any place that takes files. */
async function drop(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: 600, y: 20, data });
  await session.detach();
}

function written(name: string, text: string): string {
  const path = join(bench.folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe.skipIf(!CHROMIUM)('a log from a file', () => {
  test('is a run like any other, without a server and without a network', async () => {
    const page = await openRuns();
    await page.context().setOffline(true);
    await drop(page, dirname(written('night-shift/log.jsonl', DONE)));
    await waitForPhase(page, 'done', 20_000);
    expect(await page.locator('h1').textContent()).toBe('night-shift');
    expect(await page.getByTestId('epoch').textContent()).toBe('epoch 3.00 of 3');
    await page.locator('nav.tabs a[href$=confusions]').click();
    await expect.poll(() => page.locator('table.confusion').count()).toBe(1);
    await page.locator('nav.tabs a[href$=try]').click();
    await expect.poll(() => page.locator('main').textContent()).toContain('A log alone has no weights');
    await page.locator('nav a[href="#/runs"]').click();
    await give(page, 'second.jsonl', DONE);
    await page.locator('h1', { hasText: 'second.jsonl' }).waitFor();
    await page.locator('nav a[href="#/runs"]').click();
    await expect.poll(() => page.locator('table.runs tbody tr').count()).toBe(2);
    await picture(page, 'runs-from-files');
    expect([bench.complaints, bench.elsewhere]).toEqual([[], []]);
    await page.context().close();
  });

  test('that ends before its run, or is damaged, says so', async () => {
    const page = await openRuns();
    await give(page, 'half.jsonl', `${DONE.slice(0, DONE.length / 2)}`);
    await waitForPhase(page, 'lost', 20_000);
    await expect
      .poll(() => page.locator('header.run').textContent())
      .toMatch(/was not finished when the file/);
    expect(await page.locator('header.run').textContent()).toContain('One line of the log is damaged');
    await picture(page, 'run-from-file');
    await page.context().close();
  });

  test('that is none is refused by its name, in both languages', async () => {
    const page = await openRuns();
    const trouble = page.getByTestId('file-trouble');
    await give(page, 'table.jsonl', 'a,b\n1,2\n');
    await expect
      .poll(() => trouble.textContent())
      .toBe('table.jsonl: no line of it is an event of a run; expected the log.jsonl of a run');
    await drop(page, written('photo.png', 'x'));
    await expect.poll(() => trouble.textContent()).toBe('photo.png: there is no log.jsonl in it');
    await page.getByTestId('language').click();
    await drop(page, written('猫.png', 'x'));
    await expect.poll(() => trouble.textContent()).toBe('猫.png：里面没有 log.jsonl');
    await picture(page, 'log-refused-zh');
    expect(await checkAccessibility(page)).toEqual([]);
    await page.context().close();
  });

  test('that cannot be read says why', async () => {
    const page = await openRuns();
    await page.evaluate(() => {
      const event = new DragEvent('drop', { bubbles: true, cancelable: true });
      const file = (_: unknown, refuse: (error: Error) => void) => refuse(new Error('the disk is gone'));
      const entry = { isFile: true, fullPath: '/log.jsonl', file };
      Object.defineProperty(event, 'dataTransfer', { value: { items: [{ webkitGetAsEntry: () => entry }] } });
      document.body.dispatchEvent(event);
    });
    await expect.poll(() => page.getByTestId('file-trouble').textContent()).toBe('the disk is gone');
    expect(bench.complaints).toEqual([]);
    await page.context().close();
  });

  test('is drawn as a picture: each chart saves itself, on white and with its names, from a dark page', async () => {
    const page = await openRuns({ colorScheme: 'dark' });
    await give(page, 'night.jsonl', DONE);
    await waitForPhase(page, 'done', 20_000);
    await picture(page, 'curves-dark');
    const chart = page.locator('.chart').first();
    const [saved] = await Promise.all([page.waitForEvent('download'), chart.getByTestId('save-svg').click()]);
    expect(saved.suggestedFilename()).toBe('Loss-·-night.jsonl.svg');
    const svg = readFileSync(await saved.path(), 'utf8');
    copyFileSync(await saved.path(), join(PICTURES, 'chart.svg'));
    for (const word of ['Loss · night.jsonl', '>training loss<', '>loss of a batch<', '>epoch<'])
      expect(svg).toContain(word);
    expect(svg).toContain('background: white');
    expect(svg).toContain('stroke="rgb(0, 114, 178)"'); // The colour of the light page.
    const [second] = await Promise.all([
      page.waitForEvent('download'),
      chart.getByTestId('save-png').click(),
    ]);
    copyFileSync(await second.path(), join(PICTURES, 'chart.png'));
    const size = await page.evaluate(
      async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes]));
        const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!;
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        const coloured = data.filter((value, i) => i % 4 === 0 && value < 60).length;
        return { width: image.width, corner: [...data.slice(0, 4)], coloured };
      },
      readFileSync(await second.path()).toString('base64'),
    );
    expect(size).toMatchObject({ width: 1520, corner: [255, 255, 255, 255] });
    expect(size.coloured).toBeGreaterThan(500);
    expect(bench.complaints).toEqual([]);
    await page.context().close();
  });

  test('is drawn in the colours of the theme that is chosen, at once', async () => {
    const page = await openRuns({ colorScheme: 'light' });
    await give(page, 'day.jsonl', DONE);
    await waitForPhase(page, 'done', 20_000);
    const colour = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('.plot canvas')!;
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        const known = new Map<string, number>();
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 3]! < 255) continue;
          const name = data.slice(i, i + 3).join();
          known.set(name, (known.get(name) ?? 0) + 1);
        }
        return [...known.keys()];
      });
    expect(await colour()).toContain('0,114,178');
    await page.getByTestId('theme').click();
    await expect.poll(colour).toContain('86,180,233');
    await picture(page, 'curves-dark-by-choice');
    await page.context().close();
  });
});
