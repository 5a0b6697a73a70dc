import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * What each folder (or file) of src may import: folders, packages, and `node:` for Node's modules. Subfolders
 * inherit the row of their parent unless they have their own. Folders without `node:` also run in a page.
 */
const MAY_IMPORT: Readonly<Record<string, string>> = {
  tensor: '',
  graph: 'tensor',
  model: 'graph tensor',
  plan: 'graph tensor',
  'target/cpu': 'plan graph tensor',
  'target/webgpu': 'plan graph tensor',
  distributed: '',
  engine: 'distributed plan graph tensor',
  'engine/reference': 'engine distributed target/cpu plan graph tensor',
  'engine/cpu': 'engine distributed target/cpu plan tensor',
  'engine/cpu/wasm': 'engine engine/cpu distributed target/cpu plan tensor',
  'engine/cpu/wasm/load-module.ts': 'engine engine/cpu/wasm engine/cpu/wasm/node-threads.ts node:',
  'engine/cpu/wasm/node-threads.ts': 'engine engine/cpu/wasm node:',
  'engine/webgpu': 'engine distributed target/webgpu plan tensor',
  'engine/webgpu/node-gpu.ts': 'engine engine/webgpu node:',
  'engine/cpu/native': 'engine engine/cpu distributed target/cpu plan tensor node:',
  io: 'io/onnx tensor version.ts zod',
  'io/onnx': 'io graph tensor version.ts',
  data: 'io tensor',
  live: 'train tensor',
  plot: 'tensor @observablehq/plot',
  train: 'compile.ts engine data io graph model plan tensor zod',
  library: 'train compile.ts engine data io io/onnx model plan tensor',
  'library/node': 'library run node train engine data io model node:',
  'library/page':
    'library train engine engine/reference engine/cpu/wasm engine/webgpu data io model plan tensor @jsquash/jpeg @jsquash/png @jsquash/webp',
  node: 'data io tensor node: @resvg/resvg-js linkedom sharp undici yauzl zod',
  run:
    'node plot train compile.ts engine engine/cpu/native engine/reference engine/cpu/wasm engine/cpu/wasm/load-module.ts engine/webgpu engine/webgpu/node-gpu.ts target/cpu target/webgpu data io model plan ' +
    'tensor version.ts node: zod',
  cli:
    'library library/node ui live run node plot train compile.ts engine engine/cpu/native engine/reference engine/cpu/wasm engine/cpu/wasm/load-module.ts target/cpu data io io/onnx model plan ' +
    'graph tensor version.ts node: cli-progress commander zod',
  ui: 'live node train tensor node:',
  'compile.ts': 'plan target/cpu model graph tensor',
  'version.ts': '',
  'portable.ts':
    'compile.ts data library engine engine/reference engine/cpu/wasm graph io model plan tensor train',
  'browser.ts': 'portable.ts library library/page data engine/cpu/wasm',
  'index.ts':
    'portable.ts library library/node engine/cpu/native engine/cpu/wasm engine/cpu/wasm/load-module.ts data io io/onnx node run train',
};

const IN_A_PAGE = [
  'tensor',
  'model',
  'graph',
  'plan',
  'target/cpu',
  'data',
  'io',
  'train',
  'live',
  'plot',
  'library',
  'library/page',
  'distributed',
  'engine',
  'engine/cpu',
  'engine/cpu/wasm',
  'target/webgpu',
  'engine/webgpu',
  'portable.ts',
  'browser.ts',
];

const src = join(import.meta.dirname, '../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'));
const IMPORT =
  /^(?:import|export)\b[^'"`;]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)|\brequire\('([^']+)'\)/gm;

/** An import at the start of a file that loads the module: of more than types. */
const VALUE_IMPORT = /^(?:import|export) (?!type\b)(?:[^'"`;]*?\bfrom )?'([^']+)'/gm;

function folderOf(file: string): string {
  const rows = Object.keys(MAY_IMPORT).filter((row) => file === row || file.startsWith(`${row}/`));
  return rows.sort((a, b) => b.length - a.length)[0] ?? `${file}, which has no row here,`;
}

/** The folder, package or `node:` that a file names. */
function imported(file: string, name: string): string {
  if (name.startsWith('.')) return folderOf(normalize(join(dirname(file), name)).replaceAll('\\', '/'));
  if (name.startsWith('node:')) return 'node:';
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

/** What each folder of the page may import, beside itself. */
const WEB_MAY_IMPORT: Readonly<Record<string, string>> = {
  'main.tsx': 'app text style.css uplot preact',
  app: 'screens charts text lab logs live preact @preact/signals densor',
  charts: 'app text live plot preact @preact/signals uplot',
  screens: 'app charts lab text live plan preact @preact/signals densor',
  lab: 'text live train densor fflate',
  logs: 'app text live densor',
  text: 'app lab train plan graph @preact/signals',
  'sw.ts': '',
};

describe('the folders of the page', () => {
  const web = join(import.meta.dirname, '../web');
  const files = readdirSync(web, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.tsx?$/.test(file) && !/^(vite\.config|css\.d)\.ts$/.test(file));

  test('import each other as the table lets them, the library by its name, and of src what the table lists', () => {
    const wrong = files.flatMap((file) => {
      const top = file.includes('/') ? file.split('/')[0]! : file;
      const allowed = WEB_MAY_IMPORT[top]?.split(' ');
      if (!allowed) return [`${file} is of no folder that is known`];
      const names = [...readFileSync(join(web, file), 'utf8').matchAll(IMPORT)].map(
        (found) => found.slice(1).find(Boolean)!,
      );
      return names
        .map((name) => {
          if (!name.startsWith('.')) return imported(file, name);
          const path = normalize(join('web', dirname(file), name))
            .replaceAll('\\', '/')
            .split('/');
          return path[1]!;
        })
        .filter((name) => name !== top && !allowed.includes(name))
        .map((name) => `${file} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  test('tell nobody of it: no address of another machine is in them', () => {
    const addresses = files.filter((file) => /https?:\/\//.test(readFileSync(join(web, file), 'utf8')));
    expect(addresses).toEqual([]);
  });
});

test('all output of commands goes through one file, which makes names printable', () => {
  const printing = files.filter((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    return /\b(stdout|stderr)\.write\(|\bconsole\./.test(text);
  });
  expect(printing).toEqual(['cli/terminal.ts']);
});

test('the command line starts without what only its commands need', () => {
  const loaded = new Set<string>();
  const load = (name: string) => {
    if (loaded.has(name)) return;
    loaded.add(name);
    if (!name.endsWith('.ts')) return;
    for (const [, from] of readFileSync(join(src, name), 'utf8').matchAll(VALUE_IMPORT)) {
      load(from!.startsWith('.') ? normalize(join(dirname(name), from!)).replaceAll('\\', '/') : from!);
    }
  };
  load('cli/main.ts');
  load('cli/commands.ts');
  const packages = [...loaded].filter((name) => !name.endsWith('.ts') && !name.startsWith('node:'));
  expect(packages.sort()).toEqual(['commander', 'zod']);
  for (const heavy of ['compile.ts', 'train/trainer.ts', 'run/engines.ts', 'node/data/open-dataset.ts']) {
    expect(files).toContain(heavy);
    expect([...loaded]).not.toContain(heavy);
  }
});

describe('the folders of src', () => {
  const texts = files.map((file) => ({ file, text: readFileSync(join(src, file), 'utf8') }));

  test('import only what the table permits', () => {
    const wrong = texts.flatMap(({ file, text }) => {
      const from = folderOf(file);
      const allowed = [from, ...(MAY_IMPORT[from]?.split(' ') ?? [])];
      const names = [...text.matchAll(IMPORT)].map((found) => found.slice(1).find(Boolean)!);
      if (MAY_IMPORT[from] === undefined) return [`${from} is of no folder that is known`];
      return names
        .filter((name) => !allowed.includes(imported(file, name)))
        .map((name) => `${file} imports ${name}, of ${imported(file, name)}`);
    });
    expect(wrong).toEqual([]);
  });

  test('that also run in a page use no Node API', () => {
    for (const folder of IN_A_PAGE) {
      const allowed = MAY_IMPORT[folder]!.split(' ');
      const needNode = ['node:', ...Object.keys(MAY_IMPORT).filter((row) => / node:/.test(MAY_IMPORT[row]!))];
      expect(allowed.filter((each) => needNode.includes(each))).toEqual([]);
    }
    const wrong = texts
      .filter(({ file }) => IN_A_PAGE.includes(folderOf(file).split('/onnx')[0]!))
      .flatMap(({ file, text }) => {
        const code = text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
        return (code.match(/\bprocess\.\w+|\bBuffer\b|\bNodeJS\.\w+|\b__dirname\b/g) ?? []).map(
          (found) => `${file} uses ${found}`,
        );
      });
    expect(wrong).toEqual([]);
  });
});
