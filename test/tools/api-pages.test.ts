import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');

/** The names that an entry point exports, also those of other entry points and of files that it exports as a whole. */
function exportsOf(file: string): ReadonlySet<string> {
  const text = read(file).replace(/\/\*[\s\S]*?\*\//g, '');
  const names = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) => list!.split(','));
  const own = text.matchAll(/^export (?:async )?(?:class|const|function|interface|type) (\w+)/gm);
  const others = [...text.matchAll(/^export \* from '\.\/(.+)'/gm)];
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  return new Set([
    ...names.map((name) => name.trim().replace(/^type /, '')).filter(Boolean),
    ...[...own].map(([, name]) => name!),
    ...others.flatMap(([, other]) => [...exportsOf(`${folder}${other}`)]),
  ]);
}

/** The names that a page describes. */
function described(page: string): ReadonlySet<string> {
  const headings = read(`docs/api/${page}`).matchAll(/^### (?:`abstract` )?([\w\\]+)/gm);
  return new Set([...headings].map(([, name]) => name!.replaceAll('\\', '')));
}

describe('docs/api (npm run docs:api)', () => {
  test.each([
    ['src/index.ts', 'densor.md'],
    ['src/browser.ts', 'densor-browser.md'],
  ])('has what %s exports, and nothing else', (entry, page) => {
    const names = [...exportsOf(entry)];
    expect(names.length).toBeGreaterThan(20);
    expect([...described(page)].sort()).toEqual(names.sort());
  });
});
