import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { includedBy, isUnchanged, kernelSources, kernelUnits, root, stamp } from './kernel-sources.ts';
import {
  type Compiler,
  compileKernels,
  type Environment,
  FLAGS,
  findCompiler,
  GCC_FLAGS,
  variantsHere,
  writeTree,
} from './native-compiler.ts';

const UNIT_FLAGS = ['-O3', '-fPIC', '-fvisibility=hidden'];
const MODULE_FLAGS = ['-shared', '-pthread'];
const PLATFORM_FLAGS: Readonly<Record<string, readonly string[]>> = {
  darwin: ['-undefined', 'dynamic_lookup'],
};
const BINDING = 'kernels/bindings/napi.cpp';
const ISAS = 'kernels/bindings/isas.cpp';

export interface NativeBuild {
  /** The instruction sets to build: the fastest of this processor alone, or all that it may have. Default: all. */
  readonly which?: 'best' | 'all';
  /** Where the modules go: by default `prebuilds/PLATFORM-ARCH/` (prebuildify's layout). */
  readonly folder?: string;
  /** Compiled units, kept so that a change compiles its own unit again and no other. */
  readonly cache?: string;
  /** `CXX` names the compiler. */
  readonly env?: Environment;
  readonly say?: (line: string) => void;
}

/**
 * Compiles `kernels/` for this machine's processors: what is unchanged is left alone. Without a compiler, or when
 * compiling fails, the WASM engine is what there is, and one line says so: an install never fails for it.
 * @returns whether there are native kernels now.
 */
export async function buildNative(build: NativeBuild = {}): Promise<boolean> {
  const {
    which = 'all',
    folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`),
    cache = join(root, 'dist', 'units'),
    env = process.env,
    say = console.log,
  } = build;
  const variants = variantsHere();
  if (!variants || process.platform === 'win32') {
    say(`No native engine for ${process.platform} on ${process.arch}: the WASM engine does the work.`);
    return false;
  }
  const files = kernelSources();
  if (
    isUnchanged(folder, stampOf(files, variants, 'all')) ||
    isUnchanged(folder, stampOf(files, variants, which))
  ) {
    return true;
  }
  const tree = mkdtempSync(join(tmpdir(), 'densor-kernels-'));
  try {
    const compiler = await findCompiler(env);
    writeTree(files, tree);
    const builder = new Builder({ compiler, files, tree, cache });
    mkdirSync(folder, { recursive: true });
    const probe = await builder.module('isas', [ISAS], []);
    await install(probe, folder, 'isas');
    const { isas } = createRequire(import.meta.url)(probe) as { isas(): string[] };
    const best = isas().find((isa) => variants[isa])!;
    const wanted = which === 'all' ? Object.keys(variants) : [best];
    say(
      `Compiling the kernels for ${which === 'all' ? wanted.join(', ') : `this processor (${best})`} with ${compiler.command}…`,
    );
    for (const isa of wanted) {
      const module = await builder.module(isa, [BINDING, ...kernelUnits(files)], variants[isa]!);
      await install(module, folder, isa);
    }
    for (const name of readdirSync(folder)) {
      const isa = /^densor-(.*)\.node$/.exec(name)?.[1];
      if (isa !== undefined && isa !== 'isas' && !wanted.includes(isa)) rmSync(join(folder, name)); // Of older sources.
    }
    stamp(folder, stampOf(files, variants, which));
    return true;
  } catch (error) {
    // Modules of older sources would not understand today's programs.
    rmSync(folder, { recursive: true, force: true });
    say(`No native engine: ${(error as Error).message} The WASM engine does the work until then.`);
    return false;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function stampOf(
  files: ReadonlyMap<string, string>,
  variants: Readonly<Record<string, readonly string[]>>,
  which: NativeBuild['which'],
): unknown {
  return [which, FLAGS, UNIT_FLAGS, MODULE_FLAGS, PLATFORM_FLAGS, GCC_FLAGS, variants, [...files]];
}

interface Workshop {
  readonly compiler: Compiler;
  readonly files: ReadonlyMap<string, string>;
  /** The same, as files. */
  readonly tree: string;
  readonly cache: string;
}

/** Compiles units, as many at once as there are processors, and links them. */
class Builder {
  readonly #shop: Workshop;
  readonly #headers: string;

  constructor(shop: Workshop) {
    this.#shop = shop;
    this.#headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
  }

  /** @returns the path of the module. */
  async module(name: string, units: readonly string[], flags: readonly string[]): Promise<string> {
    const objects: string[] = [];
    const waiting = units.map((unit, i) => [i, unit] as const);
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        objects[next[0]] = await this.#unit(name, next[1], flags);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    const { compiler, tree } = this.#shop;
    const module = join(tree, `${name}.node`);
    const words = [...MODULE_FLAGS, ...(PLATFORM_FLAGS[process.platform] ?? []), '-o', module, ...objects];
    await compileKernels(compiler, tree, name, words);
    return module;
  }

  /** @returns the path of a unit's object file, which is as old as what it was compiled from. */
  async #unit(name: string, unit: string, flags: readonly string[]): Promise<string> {
    const { compiler, files, tree, cache } = this.#shop;
    const words = [...UNIT_FLAGS, ...flags, '-I', this.#headers];
    const texts = includedBy(files, unit).map((path) => [path, files.get(path)]);
    const inputs = JSON.stringify([compiler, FLAGS, GCC_FLAGS, words, texts]);
    const hash = createHash('sha256').update(inputs).digest('hex').slice(0, 16);
    const [place, stem] = [join(cache, name), basename(unit, '.cpp')];
    const path = join(place, `${stem}-${hash}.o`);
    if (existsSync(path)) return path;
    mkdirSync(place, { recursive: true });
    for (const old of readdirSync(place)) {
      if (/^(.*)-[0-9a-f]{16}\.o$/.exec(old)?.[1] === stem) rmSync(join(place, old));
    }
    const fresh = join(tree, `${name}-${stem}.o`);
    await compileKernels(compiler, tree, name, [...words, '-c', '-o', fresh, unit]);
    await copyFile(fresh, `${path}.new`);
    renameSync(`${path}.new`, path);
    return path;
  }
}

/** A new file in place of the old: a process that has the old one loaded keeps it. */
async function install(from: string, folder: string, isa: string): Promise<void> {
  const path = join(folder, `densor-${isa}.node`);
  await copyFile(from, `${path}.new`);
  renameSync(`${path}.new`, path);
}
