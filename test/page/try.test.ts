import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  conv2d,
  type Explanation,
  flatten,
  linear,
  loadRun,
  type Model,
  type NodeNetwork,
  openDataset,
  relu,
  sequential,
  type TrainTest,
  fit as train,
} from '../../src/index.ts';
import { densorProcess, MAIN, TINY } from '../support/cli.ts';
import { colours } from '../support/colours.ts';
import { writeColours } from '../support/images.ts';
import { CHROMIUM } from '../support/page.ts';
import { runEvents } from '../support/run-events.ts';
import { checkAccessibility } from './axe.ts';
import { choose, downloaded, PageBench, PICTURES, picture, waitForPhase } from './support.ts';

const bench = new PageBench();
let sample: TrainTest;
beforeAll(async () => {
  await bench.start();
  sample = await openDataset('sample', undefined, { note: () => {}, bytes: () => {} });
});
afterAll(() => bench.close());

/** Image `index` of the sample's test set, as a file. */
function pictureOf(index: number): Promise<Buffer> {
  const { width, height, pixels } = sample.test;
  const size = width * height;
  const raw = { width, height, channels: 1 } as const;
  const grey = (pixels as Uint8Array).subarray(index * size, (index + 1) * size);
  return sharp(Buffer.from(grey), { raw }).png().toBuffer();
}

async function tryPicture(page: Page, buffer: Buffer): Promise<void> {
  await page.getByTestId('try-picture').setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer });
  await page.getByTestId('class-maps').waitFor();
}

/** Numbers of a table of the page. */
const numbersIn = async (page: Page, testId: string): Promise<number[][]> => {
  await page.locator(`details:has([data-testid=${testId}]) > summary`).evaluate((element) => {
    (element.parentElement as HTMLDetailsElement).open = true;
  });
  const rows = await page.getByTestId(testId).locator('tbody tr').allInnerTexts();
  return rows.map((row) => row.split('\t').map(Number));
};

/** The map of one class, and the channels of a block, in rows as the page shows them. */
function mapOf({ classMaps: { height, width, channels, data } }: Explanation, c: number): number[][] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (__, x) => data[(y * width + x) * channels + c]!),
  );
}

function channelsOf({ blocks }: Explanation, block: number, first: number, count: number): number[][] {
  const { data, channels } = blocks[block - 1]!;
  return Array.from({ length: count }, (_, i) => {
    const values = Array.from(data).filter((__, at) => at % channels === first + i);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [i + 1, Math.min(...values), mean, Math.max(...values)];
  });
}

function expectClose(found: readonly number[][], exact: readonly number[][], digits: number): void {
  expect(found.map(({ length }) => length)).toEqual(exact.map(({ length }) => length));
  for (const [y, row] of exact.entries())
    for (const [x, value] of row.entries()) expect(found[y]![x]).toBeCloseTo(value, digits);
}

/** Compares what the page says of a picture with what the library says in Node. */
async function compareWithNode(page: Page, net: NodeNetwork, file: Buffer): Promise<void> {
  const exact = await net.explain(file);
  const label = exact.predictions[0]!.label;
  const c = net.classNames.indexOf(label);
  await expect.poll(() => page.getByTestId('predictions').textContent()).toContain(label);
  const sum = (await page.getByTestId('class-map-sum').textContent())!;
  const [logit, mean, bias] = sum.match(/-?\d+\.\d+/g)!.map(Number) as [number, number, number];
  expect(logit).toBeCloseTo(exact.logits[c]!, 1);
  expect(bias).toBeCloseTo(exact.bias[c]!, 1);
  expect(Math.abs(logit - mean - bias)).toBeLessThan(0.02);
  expectClose(await numbersIn(page, 'class-map-table'), mapOf(exact, c), 1);
  // Another class has another map.
  const other = exact.predictions.at(-1)!.label;
  await page.getByTestId('class-map-class').selectOption(other);
  const map = mapOf(exact, net.classNames.indexOf(other));
  expectClose(await numbersIn(page, 'class-map-table'), map, 1);
  await page.getByTestId('class-map-class').selectOption(label);
}

/** Red less blue in the middle of a cell of the class map. */
function warmthAt(page: Page, [row, rows]: [number, number], [column, columns]: [number, number]) {
  return page.locator('canvas.heat').evaluate(
    (element, at) => {
      const canvas = element as HTMLCanvasElement;
      const [x, y] = [canvas.width * at.x, canvas.height * at.y].map(Math.floor) as [number, number];
      const [red, , blue] = canvas.getContext('2d')!.getImageData(x, y, 1, 1).data;
      return red! - blue!;
    },
    { x: (column + 0.5) / columns, y: (row + 0.5) / rows },
  );
}

describe.skipIf(!CHROMIUM)('Try, in the Lab', () => {
  test('shows where an answer comes from, similar training images, and feature maps', async () => {
    const context = await bench.context({ colorScheme: 'light' });
    const page = await bench.openLab(context);
    const settings = { epochs: 6, size: 32, batch: 16, seed: 3, lr: 0.05 };
    await choose(page, 'densenet-bc-10-4', settings);
    await page.getByTestId('train').click();
    await waitForPhase(page, 'done', 200_000);
    await page.goto(`${bench.host.address}#/lab`);
    await page.getByTestId('download-zip').waitFor();
    const zip = unzipSync(await downloaded(page, 'download-zip'));
    await using net = await loadRun(zip['run/best.safetensors']!, { engine: 'wasm', threads: 1 });
    const file = await pictureOf(3);
    await tryPicture(page, file);
    await compareWithNode(page, net, file);

    const exact = await net.explain(file);
    // The lowest and the highest number of all maps, in colours.
    const { classMaps } = exact;
    for (const extreme of [Math.min(...classMaps.data), Math.max(...classMaps.data)]) {
      const at = classMaps.data.indexOf(extreme);
      const pixel = Math.floor(at / classMaps.channels);
      await page.getByTestId('class-map-class').selectOption(net.classNames[at % classMaps.channels]!);
      const [row, column] = [Math.floor(pixel / classMaps.width), pixel % classMaps.width];
      const sign = async () =>
        Math.sign(await warmthAt(page, [row, classMaps.height], [column, classMaps.width]));
      await expect.poll(sign).toBe(Math.sign(extreme)); // The map is drawn after the choice.
    }
    await page.getByTestId('class-map-class').selectOption(exact.predictions[0]!.label);

    // By keys alone.
    await page.getByTestId('nearest').focus();
    await page.keyboard.press('Enter');
    const items = page.getByTestId('neighbours').locator('li span');
    await expect.poll(() => items.count(), { timeout: 60_000 }).toBe(5);
    const neighbours = await net.nearest(file, sample);
    const said = await items.allTextContents();
    for (const [i, { label, similarity }] of neighbours.entries()) {
      expect(said[i]).toContain(label);
      expect(Number(/[\d.]+$/.exec(said[i]!)![0])).toBeCloseTo(similarity, 2);
    }

    await page.getByTestId('maps-block').selectOption('2');
    await page.getByTestId('maps-layer').selectOption('1');
    const { parts } = exact.blocks[1]!;
    await expect.poll(() => page.locator('.maps canvas').count()).toBe(parts[1]);
    expectClose(await numbersIn(page, 'maps-table'), channelsOf(exact, 2, parts[0]!, parts[1]!), 2);
    expect(await page.getByTestId('maps-shown').textContent()).toContain(`1 to ${parts[1]} of ${parts[1]}`);
    await page.getByTestId('maps-layer').selectOption('0');
    await expect.poll(() => page.locator('.maps canvas').count()).toBe(Math.min(64, parts[0]!));

    await page.locator('details').evaluateAll((all) => {
      for (const each of all) (each as HTMLDetailsElement).open = false;
    });
    await page.getByTestId('maps-layer').selectOption('1');
    await page
      .locator('section.step', { has: page.locator('#step-4') })
      .screenshot({ path: join(PICTURES, 'try.png') });
    await picture(page, 'try-light');
    for (const [theme, language, width] of [
      ['light', 'en', 1280],
      ['dark', 'en', 320],
      ['dark', 'zh', 1280],
      ['light', 'zh', 320],
    ] as const) {
      await page.setViewportSize({ width, height: 860 });
      await page.evaluate((to) => {
        document.documentElement.dataset.theme = to;
      }, theme);
      if ((await page.locator('html').getAttribute('lang'))!.slice(0, 2) !== language)
        await page.getByTestId('language').click();
      await page.waitForTimeout(200);
      const what = `try-${theme}-${language}-${width}`;
      await picture(page, what);
      expect([what, await checkAccessibility(page)]).toEqual([what, []]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect([what, overflow]).toEqual([what, 0]);
    }
    expect([bench.elsewhere, bench.complaints]).toEqual([[], []]);
    await context.close();
  });
});

test.skipIf(!CHROMIUM)(
  'Try predicts what the camera sees, and explains the picture that is chosen',
  async () => {
    const filmed = new PageBench();
    await filmed.start(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']);
    try {
      const page = await filmed.openLab(await filmed.context());
      await choose(page, 'densenet-bc-10-4', { epochs: 1, size: 16, batch: 16, lr: 0.05 });
      await page.getByTestId('train').click();
      await waitForPhase(page, 'done');
      await page.locator('nav.tabs a[href$=try]').click();
      await page.getByTestId('try-camera').click();
      const predictions = page.getByTestId('predictions').locator('li');
      await expect.poll(() => predictions.count(), { timeout: 30_000 }).toBe(5);
      expect(await page.getByTestId('class-maps').count()).toBe(0);
      await page.getByTestId('try-explain').click();
      await page.getByTestId('class-map-sum').waitFor();
      expect(await page.locator('video').count()).toBe(0);
      const best = await predictions.first().locator('span').textContent();
      expect(await page.getByTestId('class-map-class').inputValue()).toBe(best);
      expect(filmed.complaints).toEqual([]);
    } finally {
      await filmed.close();
    }
  },
);

describe.skipIf(!CHROMIUM)('Try and Time, for runs of the command line', () => {
  test('ask the weights that the server hands out, and say what it cannot', async () => {
    const runs = join(bench.folder, 'runs');
    mkdirSync(runs);
    const photos = join(bench.folder, 'photos');
    await writeColours(photos, 12);
    const trained = [
      ['on-sample', ...TINY, '--epochs', '3'],
      [
        'on-photos',
        photos,
        ...'--model densenet-bc-10-4 --size 16 --batch 4 --threads 1 --epochs 2'.split(' '),
      ],
    ].map(([name, ...words]) => densorProcess(bench.folder, 'train', ...words, '--out', join(runs, name!)));
    expect(trained.map(({ status, stderr }) => [status, status === 0 ? '' : stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const images = colours(24);
    const unexplained: Model = {
      ...{ name: 'own', channels: 3, classes: 3 },
      root: sequential([conv2d(4, 3), relu(), flatten(), linear(3)]),
    };
    const out = join(runs, 'own');
    await (await train(unexplained, images, { epochs: 1, threads: 1, out })).close();
    mkdirSync(join(runs, 'old'));
    const old = runEvents({ epochs: 1, stepsPerEpoch: 20 }).map((event) => `${JSON.stringify(event)}\n`);
    writeFileSync(join(runs, 'old/log.jsonl'), old.join(''));
    const server = spawn(process.execPath, [MAIN, 'ui', runs, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const address = await new Promise<string>((resolve) => {
        server.stdout!.once('data', (data) => resolve(`${data}`.trim()));
      });
      const page = await bench.page(await bench.context({ colorScheme: 'dark' }));
      await page.goto(address);
      const open = async (name: string, tab: string) => {
        await page.locator('.bar nav a').first().click();
        await page.getByRole('link', { name, exact: true }).click();
        await page.locator(`nav.tabs a[href$=${tab}]`).click();
      };
      await open('on-sample', 'try');
      const file = await pictureOf(5);
      await tryPicture(page, file);
      await using net = await loadRun(join(runs, 'on-sample'), { checkpoint: 'best' });
      await compareWithNode(page, net, file);
      await page.getByTestId('nearest').click();
      await expect
        .poll(() => page.getByTestId('neighbours').locator('li').count(), { timeout: 60_000 })
        .toBe(5);
      const [nearest] = await net.nearest(file, sample);
      expect(await page.getByTestId('neighbours').locator('li span').first().textContent()).toContain(
        nearest!.label,
      );
      await picture(page, 'try-server-dark');
      expect(await checkAccessibility(page)).toEqual([]);

      await open('on-photos', 'try');
      await tryPicture(page, file);
      expect(await page.getByTestId('nearest').count()).toBe(0);
      expect(await page.getByTestId('neighbours').textContent()).toContain('not training images');

      await open('own', 'try');
      await page
        .getByTestId('try-picture')
        .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: file });
      await expect.poll(() => page.getByTestId('predictions').locator('li').count()).toBe(3);
      await expect
        .poll(() => page.locator('main [role=alert]').textContent())
        .toContain('the network own cannot be explained');

      await open('old', 'try');
      await page
        .getByTestId('try-picture')
        .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: file });
      await expect
        .poll(() => page.locator('main [role=alert]').textContent())
        .toContain('no checkpoint of this run');

      await open('on-sample', 'time');
      const profile = page.getByTestId('profile');
      await profile.waitFor();
      const shares = async () =>
        (await profile.locator('tbody tr td:nth-child(4)').allInnerTexts()).map((each) =>
          Number.parseFloat(each),
        );
      const byKind = await shares();
      expect(byKind.length).toBeGreaterThan(5);
      expect(byKind.reduce((sum, each) => sum + each, 0)).toBeCloseTo(100, -0.5);
      await picture(page, 'time-dark');
      await profile.locator('button').last().click();
      await expect.poll(() => profile.locator('tbody').innerText()).toContain('dense block 3');
      expect((await shares()).reduce((sum, each) => sum + each, 0)).toBeCloseTo(100, -0.5);
      expect(await checkAccessibility(page)).toEqual([]);
      await page.evaluate(() => {
        document.documentElement.dataset.theme = 'light';
      });
      await picture(page, 'time-light');
      await open('old', 'time');
      await expect.poll(() => page.locator('main').textContent()).toContain('measures its tenth step');
      expect(await page.getByTestId('profile').count()).toBe(0);
      expect(bench.complaints).toEqual([]);
    } finally {
      server.kill('SIGKILL');
    }
  });
});
