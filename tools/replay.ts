import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isUnchanged, kernelSources, kernelUnits, root, stamp } from './kernel-sources.ts';
import {
  type Compiler,
  compileKernels,
  FLAGS,
  findCompiler,
  VARIANTS,
  writeTree,
} from './native-compiler.ts';

/** A build of kernels/bindings/replay.cpp: with a sanitizer, or for another processor. */
export interface ReplayVariant {
  readonly name: string;
  readonly isa: string;
  readonly sanitizer?: keyof typeof SANITIZERS;
  readonly flags: readonly string[];
  /** Default number of threads. */
  readonly threads: number;
  /** The emulator that runs the binary, if required. */
  readonly emulator?: string;
}

const SANITIZERS = {
  asan: ['-fsanitize=address,undefined,float-cast-overflow', '-fno-sanitize-recover=all', '-DDENSOR_ASAN'],
  tsan: ['-fsanitize=thread', '-DDENSOR_TSAN'],
} as const;
const SANITIZER_FLAGS = ['-O1', '-g', '-fno-omit-frame-pointer', '-DDENSOR_SANITIZED'];

/** The cross compiler, the emulator, and the Debian packages that contain them. */
export const CROSS = {
  compiler: 'aarch64-linux-gnu-g++',
  emulator: 'qemu-aarch64',
  packages: 'g++-aarch64-linux-gnu qemu-user',
};

export const NEON: ReplayVariant = {
  name: 'neon',
  isa: 'neon',
  flags: ['-O3', '-static'],
  threads: 2,
  emulator: CROSS.emulator,
};

/** Flags of the AMX kernels with emulated tiles, for processors with the other instruction sets that they use. */
const EMULATED_TILES = [...(VARIANTS.x64?.['avx512-bf16'] ?? []), '-DDENSOR_EMULATED_TILES'];

/** The AMX kernels with emulated tiles. */
export const TILES: ReplayVariant = {
  name: 'tiles',
  isa: 'amx',
  flags: ['-O3', ...EMULATED_TILES],
  threads: 2,
};

/**
 * Every instruction set of this architecture with each sanitizer. AMX tiles are emulated, because sanitizers do
 * not check memory accesses of AMX instructions.
 */
export const SANITIZED: readonly ReplayVariant[] = (['asan', 'tsan'] as const).flatMap((sanitizer) =>
  Object.entries(VARIANTS[process.arch] ?? {}).map(([isa, words]) => ({
    name: `${sanitizer}-${isa}`,
    isa,
    sanitizer,
    flags: [...SANITIZER_FLAGS, ...SANITIZERS[sanitizer], ...(isa === 'amx' ? EMULATED_TILES : words)],
    threads: sanitizer === 'tsan' ? 4 : 2,
  })),
);

/** A seeded defect: in a copy of the sources every `text` in `file` is replaced by `wrong`. */
export interface Defect {
  readonly file: string;
  readonly text: string;
  readonly wrong: string;
}

/** The path of a variant built by `buildReplay`. */
export function replayPath(name: string): string {
  return join(root, 'dist', 'replay', name, 'replay');
}

/** Builds a variant under a name (default: its own; or that of a defect). Skipped if the sources are unchanged. */
export async function buildReplay(variant: ReplayVariant, name = variant.name, defect?: Defect) {
  const files = kernelSources();
  if (defect) {
    const right = files.get(defect.file) ?? '';
    if (!right.includes(defect.text)) throw new Error(`${defect.file} holds no '${defect.text}' any more`);
    files.set(defect.file, right.replaceAll(defect.text, defect.wrong));
  }
  const compiler: Compiler = variant.emulator
    ? { command: CROSS.compiler, isClang: false }
    : await findCompiler();
  const path = replayPath(name);
  const inputs = [FLAGS, variant, compiler, [...files]];
  if (existsSync(path) && isUnchanged(join(path, '..'), inputs)) return;
  const tree = mkdtempSync(join(tmpdir(), 'densor-replay-'));
  try {
    writeTree(files, tree);
    const words = [...variant.flags, '-o', 'replay', 'kernels/bindings/replay.cpp', ...kernelUnits(files)];
    await compileKernels(compiler, tree, name, words);
    mkdirSync(join(path, '..'), { recursive: true });
    copyFileSync(join(tree, 'replay'), path);
    stamp(join(path, '..'), inputs);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}
