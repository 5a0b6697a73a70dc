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
  VARIANTS,
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
  /** Which instruction sets to build: only the fastest of this processor, or all. Default: all. */
  readonly which?: 'best' | 'all';
  /** Also builds instruction sets that few processors have, for other machines. Default: those of this processor. */
  readonly withRare?: boolean;
  /** Output folder of the modules. Default: `prebuilds/PLATFORM-ARCH/` (the layout of prebuildify). */
  readonly folder?: string;
  /** Folder for compiled units, so that only changed units are recompiled. */
  readonly cache?: string;
  /** `CXX` names the compiler. */
  readonly env?: Environment;
  readonly say?: (line: string) => void;
}

/**
 * Compiles `kernels/` for the processors of this architecture, unless unchanged. Without a compiler, or if
 * compilation fails, prints one line and returns false; only the WASM engine is then available, and installation
 * succeeds.
 * @returns whether native kernels exist.
 */
export async function buildNative(build: NativeBuild = {}): Promise<boolean> {
  const {
    which = 'all',
    withRare = false,
    folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`),
    cache = join(root, 'dist', 'units'),
    env = process.env,
    say = console.log,
  } = build;
  const variants = withRare ? VARIANTS[process.arch] : variantsHere();
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
      if (isa !== undefined && isa !== 'isas' && !wanted.includes(isa)) rmSync(join(folder, name)); // From older sources.
    }
    stamp(folder, stampOf(files, variants, which));
    return true;
  } catch (error) {
    // Modules from older sources cannot run current programs.
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

interface BuildContext {
  readonly compiler: Compiler;
  readonly files: ReadonlyMap<string, string>;
  /** Folder that contains the sources as files. */
  readonly tree: string;
  readonly cache: string;
}

/** Compiles units in parallel, one per processor, and links them. */
class Builder {
  readonly #context: BuildContext;
  readonly #headers: string;

  constructor(context: BuildContext) {
    this.#context = context;
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
    const { compiler, tree } = this.#context;
    const module = join(tree, `${name}.node`);
    const words = [...MODULE_FLAGS, ...(PLATFORM_FLAGS[process.platform] ?? []), '-o', module, ...objects];
    await compileKernels(compiler, tree, name, words);
    return module;
  }

  /** Compiles a unit if its sources changed. @returns the path of its object file. */
  async #unit(name: string, unit: string, flags: readonly string[]): Promise<string> {
    const { compiler, files, tree, cache } = this.#context;
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

/** Replaces a module by rename, so that processes that have loaded the old file are not affected. */
async function install(from: string, folder: string, isa: string): Promise<void> {
  const path = join(folder, `densor-${isa}.node`);
  await copyFile(from, `${path}.new`);
  renameSync(`${path}.new`, path);
}
