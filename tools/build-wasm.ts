import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isUnchanged, kernelSources, root, stamp } from './kernel-sources.ts';

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

/** Compiles `kernels/` to one WASM module per instruction set; skipped when the sources are unchanged. */
export async function buildWasm(): Promise<void> {
  const files = kernelSources();
  if (isUnchanged(outDir, [FLAGS, VARIANTS, [...files]])) return;

  console.log('Building the WASM kernels (once; two or three minutes)…');
  const { commands, runLLVM } = await import('@yowasp/clang');
  await runLLVM(undefined, undefined, { fetchProgress: () => {} }); // Only loads, and does not tell how far it is.
  const compile = commands['clang++'];
  mkdirSync(outDir, { recursive: true });
  for (const [name, flags] of Object.entries(VARIANTS)) {
    const tree = nest(files);
    const words = [...FLAGS, ...flags, '-o', 'out.wasm', 'kernels/bindings/wasm.cpp'];
    const messages: Buffer[] = [];
    const stderr = (bytes: Uint8Array | null) => void (bytes && messages.push(Buffer.from(bytes)));
    let out: Tree | undefined;
    try {
      out = await compile(words, tree, { stderr });
    } catch {
      throw new Error(`the ${name} kernels do not compile:\n${Buffer.concat(messages)}`);
    }
    const module = out?.['out.wasm'];
    if (!(module instanceof Uint8Array)) throw new Error(`compiling the ${name} kernels gave no module`);
    writeFileSync(join(outDir, `${name}.wasm`), module);
  }
  stamp(outDir, [FLAGS, VARIANTS, [...files]]);
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
