import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { densorIn } from './support/cli.ts';
import { picture, writeColours } from './support/images.ts';

const root = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const LONGEST_README = 1000;

/** Files of a folder below the root, by their ending. */
function filesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}${name}`);
}

describe('the README', () => {
  test(`has at most ${LONGEST_README} words`, () => {
    expect(readme.split(/\s+/).length).toBeLessThanOrEqual(LONGEST_README);
  });

  test('has a program that runs unchanged', async () => {
    const [program] = readme.match(/(?<=```ts\n).*?(?=```)/gs)!;
    const folder = mkdtempSync(join(tmpdir(), 'densor-readme-'));
    try {
      await writeColours(join(folder, 'photos'), 12);
      writeFileSync(join(folder, 'new.jpg'), await picture({ colour: [190, 20, 20], format: 'jpeg' }));
      const trained = await densorIn(folder, 'train', 'photos', '--epochs', '12', '--out', 'runs/photos');
      expect(trained.status, trained.stderr).toBe(0);
      const file = join(folder, 'program.mjs');
      writeFileSync(file, program!.replace("'densor'", `'${new URL('dist/src/index.js', root)}'`));
      const said = execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
      expect(said).toMatch(/^\{ label: 'red', probability: \S+ \}\ndata\nstart\n/);
      expect(existsSync(join(folder, 'runs/mine/last.safetensors'))).toBe(true);
      expect(existsSync(join(folder, 'mine.onnx'))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);
});

describe('documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...filesIn('docs/', '.md')];

  test.each(documents)('%s has no link to a file that is not there', (document) => {
    const text = readFileSync(new URL(document, root), 'utf8').replace(/```[\s\S]*?```/g, '');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    const files = links.filter((link) => !/^[a-z]+:|^#/.test(link)).map((link) => link.split('#')[0]!);
    const folder = dirname(fileURLToPath(new URL(document, root)));
    expect(files.filter((file) => !existsSync(join(folder, decodeURIComponent(file))))).toEqual([]);
  });
});
