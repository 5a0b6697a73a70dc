import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isUnchanged, kernelSources, root, stamp } from './kernel-sources.ts';

const run = promisify(execFile);

/** Instruction set → the compiler's words for it, by architecture; `scalar` also tells what a processor has. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  x64: {
    avx512: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx2', '-mfma'],
    avx2: ['-mavx2', '-mfma'],
    scalar: [],
  },
  arm64: { neon: [], scalar: ['-DDENSOR_SCALAR'] },
};

const FLAGS = [
  '-std=c++20',
  '-O3',
  '-fPIC',
  '-shared',
  '-pthread',
  '-fvisibility=hidden',
  // Fused multiply-adds are written out where they are meant.
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Werror',
];
const PLATFORM_FLAGS: Readonly<Record<string, readonly string[]>> = {
  darwin: ['-undefined', 'dynamic_lookup'],
};
/** GCC 12 warns of its own AVX-512 header (GCC bug 105593). */
const GCC_FLAGS = ['-Wno-maybe-uninitialized', '-Wno-uninitialized'];

interface Compiler {
  readonly command: string;
  readonly isClang: boolean;
}

/** The least version of each that knows the C++20 used here. */
const LEAST = { gcc: 12, clang: 15 };

/**
 * Compiles `kernels/` for this machine's processors into `prebuilds/PLATFORM-ARCH/` (prebuildify's layout): skipped
 * when the sources are unchanged. Without a compiler, or when compiling fails, the WASM engine is what there is, and
 * one line says so: an install never fails for it.
 */
export async function buildNative(): Promise<void> {
  const variants = VARIANTS[process.arch];
  if (!variants || process.platform === 'win32') {
    console.log(
      `No native engine for ${process.platform} on ${process.arch}: the WASM engine does the work.`,
    );
    return;
  }
  const files = kernelSources();
  const folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  const inputs = [FLAGS, PLATFORM_FLAGS, GCC_FLAGS, variants, [...files]];
  if (isUnchanged(folder, inputs)) return;
  const tree = mkdtempSync(join(tmpdir(), 'densor-kernels-'));
  try {
    const compiler = await findCompiler();
    console.log(`Building the native kernels with ${compiler.command} (once; about half a minute)…`);
    for (const [path, text] of files) {
      mkdirSync(join(tree, dirname(path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    await Promise.all(
      Object.entries(variants).map(([isa, words]) => compileVariant(compiler, tree, isa, words)),
    );
    mkdirSync(folder, { recursive: true });
    for (const isa of Object.keys(variants)) await install(join(tree, `${isa}.node`), folder, isa);
    stamp(folder, inputs);
  } catch (error) {
    // Modules of older sources would not understand today's programs.
    rmSync(folder, { recursive: true, force: true });
    console.log(`No native engine: ${(error as Error).message} The WASM engine does the work until then.`);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** A new file in place of the old: a process that has the old one loaded keeps it. */
async function install(from: string, folder: string, isa: string): Promise<void> {
  const { copyFile } = await import('node:fs/promises');
  const path = join(folder, `densor-${isa}.node`);
  await copyFile(from, `${path}.new`);
  renameSync(`${path}.new`, path);
}

/** `CXX`, or the first of g++, clang++ and c++ that is new enough. */
async function findCompiler(): Promise<Compiler> {
  const named = process.env.CXX;
  const found: string[] = [];
  for (const command of named ? [named] : ['g++', 'clang++', 'c++']) {
    const macros = await run(command, ['-dM', '-E', '-x', 'c++', '/dev/null']).then(
      ({ stdout }) => stdout,
      () => undefined,
    );
    if (macros === undefined) continue;
    const isClang = macros.includes('__clang_major__');
    const version = Number(
      new RegExp(`define ${isClang ? '__clang_major__' : '__GNUC__'} (\\d+)`).exec(macros)?.[1],
    );
    if (version >= (isClang ? LEAST.clang : LEAST.gcc)) return { command, isClang };
    found.push(`${command} is version ${version}`);
  }
  const what =
    named && found.length === 0 ? `CXX=${named} does not run` : found.join(', ') || 'no C++ compiler found';
  throw new Error(
    `${what}; install g++ ${LEAST.gcc} or clang ${LEAST.clang} (or later), then run \`npm run build\`.`,
  );
}

async function compileVariant(
  { command, isClang }: Compiler,
  tree: string,
  isa: string,
  words: readonly string[],
): Promise<void> {
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
  const flags = [
    ...FLAGS,
    ...(PLATFORM_FLAGS[process.platform] ?? []),
    ...(isClang ? [] : GCC_FLAGS),
    ...words,
  ];
  const args = [...flags, '-Ikernels', '-I', headers, '-o', `${isa}.node`, 'kernels/bindings/napi.cpp'];
  try {
    await run(command, args, { cwd: tree });
  } catch (error) {
    const first = String((error as { stderr?: string }).stderr ?? error)
      .split('\n')
      .find((line) => /error|cannot/.test(line));
    throw new Error(`${command} does not compile the ${isa} kernels (${first ?? error}).`);
  }
}
