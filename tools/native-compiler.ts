import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const AVX512 = ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx2', '-mfma'];
const AVX512_BF16 = [...AVX512, '-mavx512bf16'];

/** Instruction set → compiler flags, by architecture. `scalar` runs on every processor. */
export const VARIANTS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  x64: {
    amx: [...AVX512_BF16, '-mamx-tile', '-mamx-bf16'],
    'avx512-bf16': AVX512_BF16,
    avx512: AVX512,
    avx2: ['-mavx2', '-mfma'],
    scalar: [],
  },
  arm64: { neon: [], scalar: ['-DDENSOR_SCALAR'] },
};

/**
 * Instruction sets that few processors have → their names in /proc/cpuinfo. They are built only on such
 * processors.
 */
const RARE: Readonly<Record<string, string>> = { amx: 'amx_bf16', 'avx512-bf16': 'avx512_bf16' };

/** The variants of this architecture to build on this machine. */
export function variantsHere(): Readonly<Record<string, readonly string[]>> | undefined {
  const all = VARIANTS[process.arch];
  const isHere = ([isa]: [string, unknown]) => !RARE[isa] || processorFlags().has(RARE[isa]);
  return all && Object.fromEntries(Object.entries(all).filter(isHere));
}

function processorFlags(): ReadonlySet<string> {
  try {
    return new Set(/^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '));
  } catch {
    return new Set();
  }
}

/** Compiler flags of all builds of the kernels. */
export const FLAGS = [
  '-std=c++20',
  '-pthread',
  // Fused multiply-adds are only used where the source has fma().
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Ikernels',
];
/** Suppresses warnings of GCC 12 about its own AVX-512 header (GCC bug 105593). */
export const GCC_FLAGS = ['-Wno-maybe-uninitialized', '-Wno-uninitialized'];

export interface Compiler {
  readonly command: string;
  readonly isClang: boolean;
}

/** The minimum versions that support the required C++20 features. */
const LEAST = { gcc: 12, clang: 15 };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Finds a compiler: `CXX`, or the first of g++, clang++ and c++ that is new enough. @throws Error with advice. */
export async function findCompiler(env: Environment = process.env): Promise<Compiler> {
  const named = env.CXX;
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

/** Compiles one file of a source tree. @throws Error with the compiler's first error message. */
export async function compileKernels(
  { command, isClang }: Compiler,
  tree: string,
  what: string,
  words: readonly string[],
): Promise<void> {
  try {
    await run(command, [...FLAGS, ...(isClang ? [] : GCC_FLAGS), ...words], { cwd: tree });
  } catch (error) {
    const first = String((error as { stderr?: string }).stderr ?? error)
      .split('\n')
      .find((line) => /error|cannot/.test(line));
    throw new Error(`${command} does not compile the ${what} kernels (${first ?? error}).`);
  }
}

/** Writes sources into a folder. */
export function writeTree(files: ReadonlyMap<string, string>, folder: string): void {
  for (const [path, text] of files) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
