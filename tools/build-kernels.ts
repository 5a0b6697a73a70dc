import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordsHeader } from './generate-records.ts';

/** Compiles `kernels/` to one WASM module per instruction set; skipped when the sources are unchanged. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const kernelsDir = join(root, 'kernels');
const outDir = join(root, 'dist', 'kernels');

/** Instruction set → the compiler's words for it. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  'relaxed-simd': ['-msimd128', '-mrelaxed-simd'],
  simd128: ['-msimd128'],
  scalar: [],
};

const FLAGS = [
  '--target=wasm32',
  '-Ikernels',
  '-std=c++20',
  '-O3',
  // Fused multiply-adds are written out where they are meant.
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-matomics',
  '-mbulk-memory',
  '-mmutable-globals',
  '-nostdlib',
  '-nostdinc++',
  '-ffreestanding',
  '-fno-exceptions',
  '-fno-rtti',
  '-fno-threadsafe-statics',
  '-Wl,--no-entry',
  '-Wl,--shared-memory',
  '-Wl,--import-memory',
  '-Wl,--max-memory=4294967296',
  '-Wl,--export=__stack_pointer',
  '-Wl,--export=__heap_base',
];

function sources(dir: string): Map<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(
    paths.map((path) => [relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')]),
  );
}

async function main(): Promise<void> {
  const files = sources(kernelsDir);
  files.set('kernels/base/records.h', recordsHeader());
  const hash = createHash('sha256')
    .update(JSON.stringify([FLAGS, VARIANTS, [...files]]))
    .digest('hex');
  const stampPath = join(outDir, 'sources.sha256');
  if (readIfThere(stampPath) === hash) return;

  console.log('Building the WASM kernels (once; about half a minute)…');
  const { commands } = await import('@yowasp/clang');
  const compile = commands['clang++'];
  mkdirSync(outDir, { recursive: true });
  for (const [name, flags] of Object.entries(VARIANTS)) {
    const tree = nest(files);
    const words = [...FLAGS, ...flags, '-o', 'out.wasm', 'kernels/bindings/wasm.cpp'];
    const messages: Buffer[] = [];
    const stderr = (bytes: Uint8Array | null) => void (bytes && messages.push(Buffer.from(bytes)));
    let out: Tree | undefined;
    try {
      out = await compile(words, tree, { stderr, fetchProgress: () => {} });
    } catch {
      throw new Error(`the ${name} kernels do not compile:\n${Buffer.concat(messages)}`);
    }
    const module = out?.['out.wasm'];
    if (!(module instanceof Uint8Array)) throw new Error(`compiling the ${name} kernels gave no module`);
    writeFileSync(join(outDir, `${name}.wasm`), module);
  }
  writeFileSync(join(outDir, 'records.h'), recordsHeader());
  writeFileSync(stampPath, hash);
}

interface Tree {
  [name: string]: string | Uint8Array | Tree;
}

/** Paths → the nested objects the compiler's file system is made of. */
function nest(files: ReadonlyMap<string, string>): Tree {
  const tree: Tree = {};
  for (const [path, text] of files) {
    const names = path.split('/');
    const file = names.pop()!;
    let dir = tree;
    for (const name of names) {
      dir[name] ??= {};
      dir = dir[name] as Tree;
    }
    dir[file] = text;
  }
  return tree;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

await main();
