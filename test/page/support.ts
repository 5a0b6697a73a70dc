import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { CHROMIUM } from '../support/page.ts';
import { startStaticHost } from './static-host.ts';

/** Pictures of screens, for people to look at. */
export const PICTURES = fileURLToPath(new URL('../../dist/page-pictures/', import.meta.url));
mkdirSync(PICTURES, { recursive: true });

/** A browser, a static host with the page, and a folder that is gone afterwards. */
export class PageBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'densor-page-'));
  browser!: Awaited<ReturnType<typeof chromium.launch>>;
  host!: Awaited<ReturnType<typeof startStaticHost>>;
  /** What a page has said that it should not have. */
  readonly complaints: string[] = [];
  /** Requests to anywhere but where the page came from. */
  readonly elsewhere: string[] = [];

  async start(args: readonly string[] = []): Promise<void> {
    this.host = await startStaticHost();
    this.browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', ...args] });
  }

  async close(): Promise<void> {
    await this.browser?.close();
    await this.host?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    return this.browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-US', ...options });
  }

  /** A page of a context that listens to what it complains of. */
  async page(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (message) => {
      if (
        message.type() === 'error' &&
        !/ERR_INTERNET_DISCONNECTED|Failed to load resource/.test(message.text())
      )
        this.complaints.push(message.text());
    });
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol) && url.hostname !== '127.0.0.1') this.elsewhere.push(request.url());
    });
    return page;
  }

  /** The page of the static host, isolated. */
  async openLab(context: BrowserContext): Promise<Page> {
    const page = await this.page(context);
    await page.goto(`${this.host.address}#/lab`);
    await page.waitForFunction(
      () => crossOriginIsolated && document.documentElement.dataset.offline === 'ready',
    );
    await page.getByTestId('train').waitFor();
    return page;
  }
}

/** Fills the form of the Lab. */
export async function choose(
  page: Page,
  model: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<void> {
  await page.getByTestId('setting-epochs').waitFor();
  await page.getByTestId('model').fill(model);
  await page.locator('details', { hasText: 'weightDecay' }).locator('summary').click();
  for (const [name, value] of Object.entries(settings)) {
    const field = page.getByTestId(`setting-${name}`);
    if ((await field.evaluate((element) => element.tagName)) === 'SELECT')
      await field.selectOption(`${value}`);
    else await field.fill(`${value}`);
  }
}

export async function waitForPhase(page: Page, phase: string, timeout = 120_000): Promise<void> {
  await page.locator(`[data-testid=phase][data-phase=${phase}]`).waitFor({ timeout });
}

/** Waits until a run has come so far, in epochs. */
export async function waitForEpoch(page: Page, epoch: number, timeout = 120_000): Promise<void> {
  await page.waitForFunction(
    (wanted) =>
      Number(/[\d.]+/.exec(document.querySelector('[data-testid=epoch]')?.textContent ?? '')?.[0] ?? 0) >=
      wanted,
    epoch,
    { timeout },
  );
}

/** Presses a button and takes the file that it gives. */
export async function downloaded(page: Page, testId: string): Promise<Uint8Array<ArrayBuffer>> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(testId).click()]);
  return new Uint8Array(readFileSync(await download.path()));
}

export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}
