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

/** A build of kernels/bindings/replay.cpp: the kernels under a sanitizer, or for another processor. */
export interface ReplayVariant {
  readonly name: string;
  readonly isa: string;
  readonly sanitizer?: keyof typeof SANITIZERS;
  readonly flags: readonly string[];
  /** Threads where a test does not ask for a number. */
  readonly threads: number;
  /** What runs the binary, where this machine cannot. */
  readonly emulator?: string;
}

const SANITIZERS = {
  asan: ['-fsanitize=address,undefined,float-cast-overflow', '-fno-sanitize-recover=all', '-DDENSOR_ASAN'],
  tsan: ['-fsanitize=thread', '-DDENSOR_TSAN'],
} as const;
const SANITIZER_FLAGS = ['-O1', '-g', '-fno-omit-frame-pointer', '-DDENSOR_SANITIZED'];

/** The cross compiler and the emulator, and Debian's packages that hold them. */
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

/** AMX's kernels, their tiles emulated: for processors that have what else those kernels use. */
const EMULATED_TILES = [...(VARIANTS.x64?.['avx512-bf16'] ?? []), '-DDENSOR_EMULATED_TILES'];

/** For processors without AMX. */
export const TILES: ReplayVariant = {
  name: 'tiles',
  isa: 'amx',
  flags: ['-O3', ...EMULATED_TILES],
  threads: 2,
};

/**
 * Every instruction set of this architecture (a machine has some of them) under each sanitizer. AMX's tiles are emulated:
 * what the real ones read no sanitizer sees.
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

/** A mistake put into a copy of the sources: every `text` of `file` becomes `wrong`. */
export interface Defect {
  readonly file: string;
  readonly text: string;
  readonly wrong: string;
}

/** Where `buildReplay` leaves a variant. */
export function replayPath(name: string): string {
  return join(root, 'dist', 'replay', name, 'replay');
}

/** Builds a variant under a name (its own, or that of a defect); skipped when the sources are unchanged. */
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
