import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isUnchanged, kernelSources, kernelUnits, root, stamp } from './kernel-sources.ts';

const outDir = join(root, 'dist', 'kernels');

/** Instruction set → compiler flags. */
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
  // Fused multiply-adds are only used where the source has fma().
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

/**
 * Compiles `kernels/` to one WASM module per instruction set, or only to the best one for Node. Skipped if the
 * sources are unchanged.
 */
export async function buildWasm(
  which: 'best' | 'all' = 'all',
  tell: (line: string) => void = console.log,
): Promise<void> {
  const files = kernelSources();
  const stampOf = (built: 'best' | 'all') => [built, FLAGS, VARIANTS, [...files]];
  if (isUnchanged(outDir, stampOf('all')) || isUnchanged(outDir, stampOf(which))) return;

  const variants = Object.entries(VARIANTS).slice(0, which === 'best' ? 1 : undefined);
  tell(`Compiling the WASM kernels (${variants.map(([name]) => name).join(', ')})…`);
  const { commands, runLLVM } = await import('@yowasp/clang');
  await runLLVM(undefined, undefined, { fetchProgress: () => {} }); // Only loads the compiler, without progress output.
  const compile = commands['clang++'];
  rmSync(outDir, { recursive: true, force: true }); // Modules from older sources.
  mkdirSync(outDir, { recursive: true });
  for (const [name, flags] of variants) {
    const tree = nest(files);
    const units = ['kernels/bindings/wasm.cpp', ...kernelUnits(files)];
    const words = [...FLAGS, ...flags, '-o', 'out.wasm', ...units];
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
  stamp(outDir, stampOf(which));
}

interface Tree {
  [name: string]: string | Uint8Array | Tree;
}

/** Converts paths to the nested objects of the compiler's virtual file system. */
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
