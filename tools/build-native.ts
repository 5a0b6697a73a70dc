import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isUnchanged, kernelSources, root, stamp } from './kernel-sources.ts';
import {
  compileKernels,
  type Environment,
  FLAGS,
  findCompiler,
  GCC_FLAGS,
  variantsHere,
  writeTree,
} from './native-compiler.ts';

const MODULE_FLAGS = ['-O3', '-fPIC', '-shared', '-fvisibility=hidden'];
const PLATFORM_FLAGS: Readonly<Record<string, readonly string[]>> = {
  darwin: ['-undefined', 'dynamic_lookup'],
};

export interface NativeBuild {
  /** Where the modules go: by default `prebuilds/PLATFORM-ARCH/` (prebuildify's layout). */
  readonly folder?: string;
  /** `CXX` names the compiler. */
  readonly env?: Environment;
  readonly say?: (line: string) => void;
}

/**
 * Compiles `kernels/` for this machine's processors: skipped when the sources are unchanged. Without a compiler, or
 * when compiling fails, the WASM engine is what there is, and one line says so: an install never fails for it.
 */
export async function buildNative(build: NativeBuild = {}): Promise<void> {
  const {
    folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`),
    env = process.env,
    say = console.log,
  } = build;
  const variants = variantsHere();
  if (!variants || process.platform === 'win32') {
    say(`No native engine for ${process.platform} on ${process.arch}: the WASM engine does the work.`);
    return;
  }
  const files = kernelSources();
  const inputs = [FLAGS, MODULE_FLAGS, PLATFORM_FLAGS, GCC_FLAGS, variants, [...files]];
  if (isUnchanged(folder, inputs)) return;
  const tree = mkdtempSync(join(tmpdir(), 'densor-kernels-'));
  try {
    const compiler = await findCompiler(env);
    say(`Building the native kernels with ${compiler.command} (once; two or three minutes)…`);
    writeTree(files, tree);
    const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
    const common = [...MODULE_FLAGS, ...(PLATFORM_FLAGS[process.platform] ?? []), '-I', headers];
    await Promise.all(
      Object.entries(variants).map(([isa, words]) =>
        compileKernels(compiler, tree, isa, [
          ...common,
          ...words,
          '-o',
          `${isa}.node`,
          'kernels/bindings/napi.cpp',
        ]),
      ),
    );
    mkdirSync(folder, { recursive: true });
    for (const isa of Object.keys(variants)) await install(join(tree, `${isa}.node`), folder, isa);
    stamp(folder, inputs);
  } catch (error) {
    // Modules of older sources would not understand today's programs.
    rmSync(folder, { recursive: true, force: true });
    say(`No native engine: ${(error as Error).message} The WASM engine does the work until then.`);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** A new file in place of the old: a process that has the old one loaded keeps it. */
async function install(from: string, folder: string, isa: string): Promise<void> {
  const path = join(folder, `densor-${isa}.node`);
  await copyFile(from, `${path}.new`);
  renameSync(`${path}.new`, path);
}
