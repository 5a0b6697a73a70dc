import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Found {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** What axe finds by WCAG 2.2 AA: rule and element. */
export async function checkAccessibility(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE); // As an expression of the debugger: the policy of the page lets no other script in.
  const { violations } = await page.evaluate(
    () =>
      (globalThis as unknown as { readonly axe: { run(options: object): Promise<Found> } }).axe.run({
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
      }) as Promise<Found>,
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}
