import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWasmEngine, loadRun, loadWasmModule, fit as train } from '../../src/index.ts';
import { readOnnxWeights } from '../../src/io/onnx/read.ts';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import { densorProcess } from '../support/cli.ts';
import { picture as imageFile } from '../support/images.ts';
import { CHROMIUM } from '../support/page.ts';
import { choose, downloaded, PageBench, picture, waitForEpoch, waitForPhase } from './support.ts';

/** A run of some hundred short steps. */
const SMALL = { epochs: 3, size: 16, batch: 16, seed: 3, lr: 0.02 } as const;
const MODEL = 'densenet-bc-10-4';

const bench = new PageBench();
beforeAll(() => bench.start());
afterAll(() => bench.close());

const tensorsOf = (bytes: Uint8Array) =>
  new Map(
    [...decodeSafetensors(bytes, 'x').tensors].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    ]),
  );

/** The same run in Node, with the WASM engine. */
async function inNode(settings: Record<string, unknown>): Promise<Uint8Array> {
  const engine = await createWasmEngine({ threads: 2, ...(await loadWasmModule()) });
  try {
    await using run = await train(MODEL, 'sample', { recipe: 'photos', ...settings, engine });
    const folder = join(bench.folder, `node-${Math.random()}`);
    await run.save(folder);
    return readFileSync(join(folder, 'last.safetensors'));
  } finally {
    await engine.close();
  }
}

async function goHome(page: Page): Promise<void> {
  await page.goto(`${bench.host.address}#/lab`);
  await page.getByTestId('download-zip').waitFor();
}

describe.skipIf(!CHROMIUM)('the Lab', () => {
  test('first look: without a network it trains on the sample, and tells nobody', async () => {
    const context = await bench.context({ colorScheme: 'light' });
    const page = await bench.openLab(context);
    await picture(page, 'lab-light');
    await context.setOffline(true);
    await page.reload();
    await page.getByTestId('sample').click();
    await waitForPhase(page, 'running');
    await waitForEpoch(page, 1.05);
    const lossAfter = async (epoch: number) => {
      await page.locator('nav.tabs a').last().click();
      const line = page.locator('.log li', { hasText: `epoch ${epoch}: ` });
      await line.waitFor();
      return Number(/: ([\d.]+),/.exec((await line.textContent())!)![1]);
    };
    const first = await lossAfter(1);
    expect(await lossAfter(2)).toBeLessThan(first);
    await page.locator('nav.tabs a').first().click();
    await picture(page, 'run-light');
    for (const tab of ['confusions', 'memory', 'time', 'layers', 'data', 'log']) {
      await page.locator(`nav.tabs a[href$=${tab}]`).click();
      await page.waitForTimeout(200);
      await picture(page, `run-${tab}-light`);
    }
    await page.getByTestId('stop').click();
    await waitForPhase(page, 'stopped');
    await goHome(page);
    const weights = decodeSafetensors(await downloaded(page, 'download-weights'), 'weights');
    const onnx = readOnnxWeights(await downloaded(page, 'download-onnx'), 'onnx');
    expect(weights.tensors.size).toBeGreaterThan(10);
    expect([...weights.tensors.keys()].filter((name) => !onnx.tensors.has(name))).toEqual([]);
    expect([bench.elsewhere, bench.complaints]).toEqual([[], []]);
    await context.close();
  });

  test('a tab that is closed while it trains loses seconds, and no bit of the result', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    await choose(page, MODEL, { ...SMALL, epochs: 30 });
    await page.getByTestId('train').click();
    await waitForPhase(page, 'running');
    const startedAt = performance.now();
    await waitForEpoch(page, 5.2); // Several checkpoints are behind it, and most of the run is ahead on any machine.
    const before = await epochOf(page);
    const perSecond = before / ((performance.now() - startedAt) / 1000);
    await page.close({ runBeforeUnload: false });
    const again = await bench.page(context);
    await again.goto(`${bench.host.address}#/runs`);
    await again.locator('table.runs tbody a').first().click();
    await waitForPhase(again, 'lost');
    await picture(again, 'lost-here');
    await again.getByTestId('resume').click();
    await waitForPhase(again, 'running');
    await again.locator('nav.tabs a').last().click();
    await again.locator('.log li', { hasText: 'start' }).first().waitFor();
    const resumedAt = await epochOf(again);
    expect((before - resumedAt) / perSecond).toBeLessThan(15);
    await waitForPhase(again, 'done', 150_000);
    await goHome(again);
    const zip = unzipSync(await downloaded(again, 'download-zip'));
    const uninterrupted = await inNode({ ...SMALL, epochs: 30 });
    expect(tensorsOf(zip['run/last.safetensors']!)).toEqual(tensorsOf(uninterrupted));
    expect(bench.complaints).toEqual([]);
    await context.close();
  });

  test('hands a run over to the command line, which ends it with the bits of the tab', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    const colours = { red: [190, 20, 20], green: [20, 190, 20], blue: [20, 20, 190] } as const;
    const photos = join(bench.folder, 'photos');
    for (const [name, colour] of Object.entries(colours)) {
      mkdirSync(join(photos, name), { recursive: true });
      for (let i = 0; i < 14; i++) {
        const format = (['png', 'jpeg', 'webp'] as const)[i % 3]!;
        const jitter = colour.map((each) => each + i) as [number, number, number];
        writeFileSync(join(photos, name, `${i}.${format}`), await imageFile({ colour: jitter, format }));
      }
    }
    await page.getByTestId('folder').setInputFiles(photos);
    await expect.poll(() => page.getByTestId('class').count()).toBe(3);
    await picture(page, 'lab-files');
    await choose(page, MODEL, { ...SMALL, epochs: 40, batch: 4 });
    await page.getByTestId('train').click();
    await waitForPhase(page, 'running');
    await waitForEpoch(page, 3);
    await page.getByTestId('stop').click();
    await waitForPhase(page, 'stopped');
    await goHome(page);
    const zip = unzipSync(await downloaded(page, 'download-zip'));
    const folder = join(bench.folder, 'handed');
    for (const [name, bytes] of Object.entries(zip)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    const ended = densorProcess(folder, 'train', '--resume', 'run', '--engine', 'wasm');
    expect([ended.status, ended.stderr.includes('results will differ')]).toEqual([0, false]);
    await page.goto(`${bench.host.address}#/runs`);
    await page.locator('table.runs tbody a').first().click();
    await page.getByTestId('resume').click();
    await waitForPhase(page, 'done');
    await goHome(page);
    const theirs = tensorsOf(readFileSync(join(folder, 'run/last.safetensors')));
    const ours = unzipSync(await downloaded(page, 'download-zip'))['run/last.safetensors']!;
    expect(theirs).toEqual(tensorsOf(ours));
    // Tried on a picture, in the page and in Node.
    const red = await imageFile({ colour: [200, 10, 10] });
    await page
      .getByTestId('try-picture')
      .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: red });
    await expect.poll(() => page.getByTestId('predictions').textContent()).toMatch(/^red/);
    await using net = await loadRun(ours);
    expect((await net.predict(red))[0]!.label).toBe('red');
    await picture(page, 'lab-tried');
    expect(bench.complaints).toEqual([]);
    await context.close();
  });

  test('a second tab watches the run of the first, and can ask it to go on and to stop', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    await choose(page, MODEL, { ...SMALL, epochs: 100 });
    await page.getByTestId('train').click();
    await waitForPhase(page, 'running');
    await waitForEpoch(page, 1);
    const second = await bench.page(context);
    await second.goto(page.url());
    await waitForPhase(second, 'running');
    await waitForEpoch(second, 2);
    await second.goto(`${bench.host.address}#/lab`);
    await expect.poll(() => second.getByTestId('train').isDisabled()).toBe(true);
    // Paused by a key, for both; and it goes on.
    await page.keyboard.press('Space');
    await waitForPhase(page, 'paused');
    await second.goto(page.url());
    await waitForPhase(second, 'paused');
    const at = await epochOf(page);
    await page.waitForTimeout(700);
    expect(await epochOf(page)).toBe(at);
    await second.keyboard.press('Space');
    await waitForPhase(page, 'running');
    await second.getByTestId('stop').click();
    await waitForPhase(second, 'stopped');
    await waitForPhase(page, 'stopped');
    expect(bench.complaints).toEqual([]);
    await context.close();
  });
});

test.skipIf(!CHROMIUM)(
  'a tab that watches a run says that it was lost, when the tab that trained it is closed',
  async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    await choose(page, MODEL, { ...SMALL, epochs: 500 });
    await page.getByTestId('train').click();
    await waitForPhase(page, 'running');
    const second = await bench.page(context);
    await second.goto(page.url());
    await waitForPhase(second, 'running');
    await page.close({ runBeforeUnload: false });
    await waitForPhase(second, 'lost', 20_000);
    await second.getByTestId('resume').waitFor();
    expect(bench.complaints).toEqual([]);
    await context.close();
  },
);

/** Epochs that the header tells of. */
async function epochOf(page: Page): Promise<number> {
  const text = (await page.getByTestId('epoch').textContent())!;
  return Number(/[\d.]+/.exec(text)![0]);
}
