import { unzipSync } from 'fflate';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import { CHROMIUM } from '../support/page.ts';
import { choose, downloaded, PageBench, waitForEpoch, waitForPhase } from './support.ts';

/** SwiftShader computes on the processor, so these runs are small. */
const FLAGS = [
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
  '--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension',
];
const SMALL = { size: 8, batch: 8, limit: 64, seed: 3, lr: 0.02, engine: 'webgpu' } as const;
const MODEL = 'densenet-bc-10-4';
/** Some of the 64 images are for validation. */
const STEPS_PER_EPOCH = 7;
const EPOCHS = 12;
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
/** Kernels are compiled first. */
const PATIENCE = 170_000;

const bench = new PageBench();
beforeAll(() => bench.start(FLAGS));
afterAll(() => bench.close());

interface WorkerGlobals {
  opened: { destroy(): void }[];
  readonly GPU: { readonly prototype: { requestAdapter(): Promise<unknown> } };
  readonly GPUAdapter: { readonly prototype: { requestDevice(of?: object): Promise<{ destroy(): void }> } };
}

/** Lets the page's worker keep the devices that it opens. */
async function keepDevices(page: Page): Promise<void> {
  await page.workers()[0]!.evaluate(() => {
    const scope = globalThis as unknown as WorkerGlobals;
    const { prototype } = scope.GPUAdapter;
    const { requestDevice } = prototype;
    scope.opened = [];
    prototype.requestDevice = async function (of) {
      const device = await requestDevice.call(this, of);
      scope.opened.push(device);
      return device;
    };
  });
}

async function openRunning(epochs: number): Promise<Page> {
  const page = await bench.openLab(await bench.context());
  await keepDevices(page);
  await choose(page, MODEL, { ...SMALL, epochs });
  await page.getByTestId('train').click();
  await waitForPhase(page, 'running', PATIENCE);
  return page;
}

async function result(page: Page) {
  await page.goto(`${bench.host.address}#/lab`);
  await page.getByTestId('download-zip').waitFor();
  const { 'run/last.safetensors': last, 'run/log.jsonl': log } = unzipSync(
    await downloaded(page, 'download-zip'),
  );
  await page.context().close();
  const bits = [...decodeSafetensors(last!, 'last').tensors].map(
    ([name, { data }]) =>
      [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')] as const,
  );
  const events = new TextDecoder()
    .decode(log!)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; globalStep: number; loss: number; engine: string });
  const steps = events
    .filter(({ kind }) => kind === 'step')
    .map(({ globalStep, loss }) => [globalStep, loss]);
  return { bits, steps, engine: events.find(({ kind }) => kind === 'start')!.engine };
}

describe.skipIf(!CHROMIUM)('the Lab with the engine webgpu', () => {
  test('trains the sample; a run whose device is lost says so, and goes on without losing a bit', async () => {
    const whole = await openRunning(EPOCHS);
    await waitForPhase(whole, 'done', PATIENCE);
    const want = await result(whole);
    expect(want.engine).toBe('webgpu');
    expect(want.steps.map(([step]) => step)).toEqual(upTo(EPOCHS * STEPS_PER_EPOCH));

    const page = await openRunning(EPOCHS);
    await waitForEpoch(page, 1.1, PATIENCE);
    const destroyed = await page.workers()[0]!.evaluate(() => {
      const { opened } = globalThis as unknown as WorkerGlobals;
      for (const device of opened) device.destroy();
      return opened.length;
    });
    expect(destroyed).toBe(1);
    await waitForPhase(page, 'failed');
    expect(await page.getByTestId('failure').textContent()).toMatch(
      /^The GPU was lost: .* Go on from the last checkpoint/,
    );
    await page.getByTestId('resume').click();
    await waitForPhase(page, 'done', PATIENCE);
    expect(await result(page)).toEqual(want);
    expect([bench.elsewhere, bench.complaints]).toEqual([[], []]);
  }, 600_000);

  test('a run whose GPU is gone goes on with the processor, and says so', async () => {
    const page = await openRunning(500);
    await waitForEpoch(page, 1.1, PATIENCE);
    await page.workers()[0]!.evaluate(() => {
      const { opened, GPU } = globalThis as unknown as WorkerGlobals;
      GPU.prototype.requestAdapter = async () => null;
      for (const device of opened) device.destroy();
    });
    await waitForPhase(page, 'failed');
    await page.getByTestId('resume').click();
    await page.getByTestId('notice').waitFor();
    expect(await page.getByTestId('notice').textContent()).toMatch(
      /^There is no GPU any more: the processor goes on/,
    );
    await page.getByTestId('stop').click();
    await waitForPhase(page, 'stopped');
    const { steps, engine } = await result(page);
    expect(engine).toBe('webgpu'); // At the start.
    expect(steps.length).toBeGreaterThan(STEPS_PER_EPOCH);
    expect(steps.map(([step]) => step)).toEqual(upTo(steps.length));
    expect(bench.complaints).toEqual([]);
  }, 600_000);
});
