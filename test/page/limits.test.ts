import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bomb, picture as imageFile } from '../support/images.ts';
import { CHROMIUM } from '../support/page.ts';
import { choose, PageBench, picture, waitForEpoch, waitForPhase } from './support.ts';

const bench = new PageBench();
beforeAll(() => bench.start());
afterAll(() => bench.close());

/** Two frames of a film, grey and less so. */
function film(): Buffer {
  const [width, height] = [64, 48];
  const frames = [90, 160].map((luma) =>
    Buffer.concat([
      Buffer.from('FRAME\n'),
      Buffer.alloc(width * height, luma),
      Buffer.alloc((width * height) / 2, 128),
    ]),
  );
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), ...frames]);
}

/** Files of two classes. */
async function photos(name: string, count: number): Promise<string> {
  const folder = join(bench.folder, name);
  const colours = { red: [200, 20, 20], blue: [20, 20, 200] } as const;
  for (const [label, colour] of Object.entries(colours)) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let i = 0; i < count; i++)
      writeFileSync(
        join(folder, label, `${i}.png`),
        await imageFile({ colour: colour.map((each) => each + i) as [number, number, number] }),
      );
  }
  return folder;
}

const SMALL = { epochs: 2, size: 16, batch: 4 } as const;
const MODEL = 'densenet-bc-10-4';

describe.skipIf(!CHROMIUM)('the Lab in less than the best of worlds', () => {
  test('takes pictures with a camera, and warns of classes that are very unequal', async () => {
    const filmed = new PageBench();
    const file = join(filmed.folder, 'film.y4m');
    writeFileSync(file, film());
    const fake = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
    await filmed.start([...fake, `--use-file-for-fake-video-capture=${file}`]);
    const page = await filmed.openLab(await filmed.context());
    for (const name of ['one', 'two']) {
      await page.getByTestId('class-name').fill(name);
      await page.getByTestId('add-class').click();
    }
    await page.getByTestId('open-camera').click();
    await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
    for (const [index, wanted] of [30, 5].entries()) {
      const card = page.getByTestId('class').nth(index);
      for (let i = 1; i <= wanted; i++) {
        await card.getByTestId('take').press('Enter');
        await expect
          .poll(() => card.getByTestId('class-count').textContent(), { interval: 10 })
          .toContain(`${i} `);
      }
    }
    const warning = page.getByTestId('unbalanced');
    await expect.poll(() => warning.textContent()).toMatch(/one has 30 pictures, two only 5/);
    await picture(page, 'lab-camera');
    expect(filmed.complaints).toEqual([]);
    await filmed.close();
  });

  test('goes on with files where the camera is refused', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    await page.getByTestId('open-camera').click();
    await page.getByTestId('camera-refused').waitFor();
    await page.getByTestId('folder').setInputFiles(await photos('refused', 3));
    await expect.poll(() => page.getByTestId('class').count()).toBe(2);
    expect(await page.getByTestId('train').isEnabled()).toBe(true);
    await context.close();
  });

  test('refuses zips that are meant to do harm, by name, and takes one that is not', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    const give = async (name: string, bytes: Uint8Array) =>
      page
        .getByTestId('zip')
        .setInputFiles({ name, mimeType: 'application/zip', buffer: Buffer.from(bytes) });
    const trouble = page.getByTestId('trouble');
    await give('bomb.zip', zipSync({ 'a/x.png': new Uint8Array(70 * 2 ** 20) }, { level: 9 }));
    await expect.poll(() => trouble.textContent()).toMatch(/bomb\.zip: the zip would unpack to more/);
    await give(
      'broken.zip',
      Uint8Array.from({ length: 5000 }, (_, i) => i * 7),
    );
    await expect.poll(() => trouble.textContent()).toMatch(/broken\.zip: this is no zip/);
    await give('empty.zip', zipSync({ 'notes.txt': new Uint8Array(3) }));
    await expect.poll(() => trouble.textContent()).toMatch(/empty\.zip: no folders of pictures/);
    const image = await imageFile({ colour: [1, 2, 3] });
    await give(
      'good.zip',
      zipSync({
        ...{ 'set/cat/1.png': image, 'set/cat/2.png': image, 'set/dog/1.png': image, 'set/dog/2.png': image },
        ...{ '../up/1.png': image, '__MACOSX/cat/1.png': image, '.hidden/1.png': image },
      }),
    );
    await expect.poll(() => page.getByTestId('class').allTextContents()).toHaveLength(2);
    await context.close();
  });

  test('leaves out an image of a hundred megapixels, and says so', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    const folder = await photos('huge', 6);
    writeFileSync(join(folder, 'red/huge.png'), await bomb());
    await page.getByTestId('folder').setInputFiles(folder);
    await choose(page, MODEL, SMALL);
    await page.getByTestId('train').click();
    await waitForPhase(page, 'done');
    await page.locator('nav.tabs a[href$=data]').click();
    await page.locator('details summary').click();
    expect(await page.locator('details li').allTextContents()).toEqual([
      expect.stringMatching(/red\/\d+\.png: has more than \d+ million pixels/),
    ]);
    await context.close();
  });

  test('trains with one thread where memory cannot be shared, and says so', async () => {
    const context = await bench.context({ serviceWorkers: 'block' });
    const page = await bench.page(context);
    await page.goto(`${bench.host.address}#/lab`);
    await page.getByTestId('train').waitFor();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await expect.poll(() => page.locator('.lab').textContent()).toContain('one thread');
    await choose(page, MODEL, { ...SMALL, batch: 16 });
    await page.getByTestId('train').click();
    await waitForEpoch(page, 1);
    await waitForPhase(page, 'done');
    await context.close();
  });

  test('names the setting that is wrong, beside its field', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    await choose(page, MODEL, { epochs: 'many' });
    await page.getByTestId('train').click();
    await expect
      .poll(() => page.getByTestId('trouble').textContent())
      .toMatch(/^epochs: expected a whole number from 1/);
    expect(await page.getByTestId('setting-epochs').getAttribute('aria-invalid')).toBe('true');
    await context.close();
  });

  test('stops where the browser has no room for a checkpoint, says so, and goes on when there is', async () => {
    const context = await bench.context({ serviceWorkers: 'block' });
    // Writes of the worker fail as those of a full disk do, when the test says so.
    await context.route('**/assets/worker-*.js', async (route) => {
      const response = await route.fetch();
      const full = `const { prototype } = FileSystemSyncAccessHandle;
        const write = prototype.write;
        let isFull = false;
        prototype.write = function (bytes, options) {
          if (isFull && bytes.length > 10000) throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
          return write.call(this, bytes, options);
        };
        new BroadcastChannel('test-full').onmessage = ({ data }) => { isFull = data; };`;
      await route.fulfill({ response, body: `${full}\n${await response.text()}` });
    });
    const page = await bench.page(context);
    await page.goto(`${bench.host.address}#/lab`);
    await page.getByTestId('train').waitFor();
    const setFull = (isFull: boolean) =>
      page.evaluate((to) => new BroadcastChannel('test-full').postMessage(to), isFull);
    await choose(page, MODEL, { ...SMALL, epochs: 400, batch: 16 });
    await page.getByTestId('train').click();
    await waitForEpoch(page, 2);
    await setFull(true);
    await waitForPhase(page, 'failed');
    await expect
      .poll(() => page.getByTestId('failure').textContent())
      .toMatch(/no room for another checkpoint/);
    await setFull(false);
    await page.getByTestId('resume').click();
    await waitForPhase(page, 'running');
    await waitForEpoch(page, 2.5);
    await page.getByTestId('stop').click();
    await waitForPhase(page, 'stopped');
    await context.close();
  });

  test('says of numbers that are not finite what to do', async () => {
    const context = await bench.context();
    const page = await bench.openLab(context);
    await choose(page, MODEL, { ...SMALL, recipe: 'notes', lr: 1e30, epochs: 3 });
    await page.getByTestId('train').click();
    await waitForPhase(page, 'failed');
    await expect
      .poll(() => page.getByTestId('failure').textContent())
      .toMatch(/layer .*smaller learning rate/);
    await context.close();
  });
});
