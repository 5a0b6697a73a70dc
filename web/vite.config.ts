import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vite';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The sample images, beside the page. */
function sample(): Plugin {
  return {
    name: 'sample',
    writeBundle({ dir }) {
      mkdirSync(`${dir}/sample`, { recursive: true });
      for (const file of readdirSync(at('../sample')))
        copyFileSync(at(`../sample/${file}`), `${dir}/sample/${file}`);
    },
  };
}

/** Tells the service worker which files there are, and gives it another version with each other set of them. */
function precache(): Plugin {
  return {
    name: 'precache',
    enforce: 'post',
    generateBundle(_, bundle) {
      const names = Object.keys(bundle).filter((name) => name !== 'sw.js' && !name.endsWith('.map'));
      const files = [...names, ...readdirSync(at('../sample')).map((name) => `sample/${name}`)].sort();
      const hash = createHash('sha256');
      for (const name of files) {
        const part = bundle[name];
        hash.update(name).update(part?.type === 'chunk' ? part.code : ((part?.source as Uint8Array) ?? ''));
      }
      const worker = bundle['sw.js'];
      if (worker?.type !== 'chunk') throw new Error('there is no service worker');
      const replaced = worker.code
        .replace('"__FILES__"', JSON.stringify(files))
        .replace('`__FILES__`', JSON.stringify(files))
        .replace('__VERSION__', hash.digest('hex').slice(0, 16));
      if (replaced.includes('__FILES__')) throw new Error('the service worker has no list of files');
      worker.code = replaced;
    },
  };
}

/** Bytes after gzip of what a visitor waits for; the build fails beyond these. */
const BUDGETS: readonly { readonly what: string; readonly names: RegExp; readonly most: number }[] = [
  { what: 'kernel', names: /^assets\/relaxed-simd-.*\.wasm$/, most: 140_000 },
  { what: 'pictures of charts', names: /^assets\/picture-.*\.js$/, most: 92_000 },
  { what: 'decoders', names: /^assets\/(decode|mozjpeg|squoosh|webp).*$/, most: 225_000 },
];
const MOST_SHELL = 45_000;
const MOST_WORKER = 111_000;

/** Weighs the built files. The shell is all that the page loads before anything is asked of it. */
function budgets(): Plugin {
  const shell = new Set<string>(['index.html']);
  return {
    name: 'budgets',
    generateBundle(_, bundle) {
      const add = (name: string) => {
        const part = bundle[name];
        if (shell.has(name) || part?.type !== 'chunk') return;
        shell.add(name);
        for (const each of part.imports) add(each);
      };
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === 'chunk' && part.isEntry && name !== 'sw.js') add(name);
        if (name.endsWith('.css')) shell.add(name);
      }
    },
    writeBundle({ dir }) {
      const files = readdirSync(dir!, { recursive: true, encoding: 'utf8' });
      const weigh = (what: string, names: readonly string[], most: number) => {
        const weights = names.map((name) => gzipSync(readFileSync(`${dir}/${name}`), { level: 9 }).length);
        const bytes = weights.reduce((sum, weight) => sum + weight, 0);
        this.info(`${what}: ${bytes} bytes of at most ${most}`);
        if (bytes > most || bytes === 0) throw new Error(`the ${what} has ${bytes} bytes: at most ${most}`);
      };
      weigh('shell', [...shell], MOST_SHELL);
      const workers = new Set<string>();
      const add = (name: string) => {
        if (workers.has(name)) return;
        workers.add(name);
        const code = readFileSync(`${dir}/${name}`, 'utf8');
        for (const [, each] of code.matchAll(/(?:\bfrom|\bimport)\s*["'`]\.\/([\w.-]+\.js)["'`]/g))
          add(`assets/${each}`);
      };
      for (const name of files.filter((each) => /^assets\/worker-.*\.js$/.test(each))) add(name);
      weigh('worker', [...workers], MOST_WORKER);
      for (const { what, names, most } of BUDGETS)
        weigh(
          what,
          files.filter((name) => names.test(name)),
          most,
        );
    },
  };
}

export default defineConfig({
  root: at('.'),
  base: './',
  publicDir: at('public'),
  plugins: [sample(), precache(), budgets()],
  resolve: { alias: { 'densor/browser': at('../dist/src/browser.js') } },
  worker: { format: 'es' },
  build: {
    outDir: at('../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      input: { main: at('index.html'), sw: at('sw.ts') },
      output: {
        entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
});
