import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAIN } from '../support/cli.ts';
import { CHROMIUM } from '../support/page.ts';
import { runEvents, step } from '../support/run-events.ts';
import { PageBench, PICTURES, waitForPhase } from './support.ts';

const bench = new PageBench();
const figures: Record<string, number> = {};
beforeAll(() => bench.start());
afterAll(async () => {
  writeFileSync(join(PICTURES, 'figures.json'), `${JSON.stringify(figures, null, 2)}\n`);
  await bench.close();
});

const rssOf = (pid: number) =>
  1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

/** Figures for docs/results/page.md. What is asserted is what a busy machine keeps too. */
describe.skipIf(!CHROMIUM)('figures of the page', () => {
  test('first paint, first step, and tasks of the main thread while it trains', async () => {
    const context = await bench.context();
    const page = await bench.page(context);
    await page.addInitScript(() => {
      const found = { paint: 0, longest: 0, tasks: 0 };
      Object.assign(globalThis, { found });
      new PerformanceObserver((list) => {
        found.paint = Math.max(found.paint, ...list.getEntries().map(({ startTime }) => startTime));
      }).observe({ type: 'largest-contentful-paint', buffered: true });
      new PerformanceObserver((list) => {
        found.tasks += list.getEntries().length;
        found.longest = Math.max(found.longest, ...list.getEntries().map(({ duration }) => duration));
      }).observe({ type: 'longtask' });
    });
    const found = () =>
      page.evaluate(
        () => (globalThis as unknown as { found: { paint: number; longest: number; tasks: number } }).found,
      );
    await page.goto(`${bench.host.address}#/runs`);
    await page.waitForFunction(
      () => crossOriginIsolated && document.documentElement.dataset.offline === 'ready',
    );
    await page.getByTestId('sample').waitFor();
    await page.waitForTimeout(500);
    figures.largestContentfulPaintMs = Math.round((await found()).paint);
    await page.evaluate(() =>
      Object.assign((globalThis as unknown as { found: object }).found, { longest: 0, tasks: 0 }),
    );
    const started = performance.now();
    await page.getByTestId('sample').click();
    await page.waitForFunction(() =>
      /\d/.test(document.querySelector('[data-testid=train-loss]')?.textContent ?? ''),
    );
    figures.firstStepMs = Math.round(performance.now() - started);
    await page.waitForTimeout(10_000);
    const { longest, tasks } = await found();
    figures.longestTaskMs = Math.round(longest);
    figures.longTasksIn10s = tasks;
    await page.getByTestId('stop').click();
    await waitForPhase(page, 'stopped');
    expect(figures.firstStepMs).toBeLessThan(20_000);
    await context.close();
  });

  test('a million steps: opened, opened again, drawn; and the memory of the server', async () => {
    const runs = join(bench.folder, 'runs');
    mkdirSync(join(runs, 'million'), { recursive: true });
    const log = join(runs, 'million/log.jsonl');
    const [start] = runEvents({ epochs: 100, stepsPerEpoch: 10_000 });
    writeFileSync(log, `${JSON.stringify(start)}\n`);
    for (let from = 1; from <= 1_000_000; from += 20_000) {
      const lines = Array.from({ length: 20_000 }, (_, i) => JSON.stringify(step(from + i, 10_000)));
      appendFileSync(log, `${lines.join('\n')}\n`);
    }
    const server = spawn(process.execPath, [MAIN, 'ui', runs, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const address = await new Promise<string>((resolve) => {
      server.stdout.once('data', (data) => resolve(`${data}`.trim()));
    });
    const context = await bench.context();
    const page = await bench.page(context);
    const open = async () => {
      await page.goto('about:blank');
      await page.goto(address);
      const link = page.getByRole('link', { name: 'million' });
      await link.waitFor();
      const started = performance.now();
      await link.click();
      await page.waitForFunction(
        () => document.querySelector('[data-testid=epoch]')?.textContent?.startsWith('epoch 100.00'),
        null,
        { polling: 20 },
      );
      return Math.round(performance.now() - started);
    };
    figures.millionFirstMs = await open();
    figures.millionAgainMs = await open();
    const box = (await page.locator('.plot').first().boundingBox())!;
    // A key that redraws all charts, in each frame: what the main thread works for it.
    const REDRAWS = 20;
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const workedSeconds = async () =>
      (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')!
        .value;
    const before = await workedSeconds();
    await page.evaluate(async (redraws) => {
      for (let i = 0; i < redraws; i++) {
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '0', bubbles: true }));
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      }
    }, REDRAWS);
    figures.millionRedrawMs = Number(((1000 * ((await workedSeconds()) - before)) / REDRAWS).toFixed(1));
    expect(box.width).toBeGreaterThan(100);
    figures.serverPeakBytes = rssOf(server.pid!);
    server.kill();
    expect(figures.millionFirstMs).toBeLessThan(60_000);
    expect(figures.serverPeakBytes).toBeLessThan(250e6);
    await context.close();
  });
});
