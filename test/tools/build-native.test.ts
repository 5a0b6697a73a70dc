import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadNativeModule, nativeIsas, requireInterface } from '../../src/engine/cpu/native/load-module.ts';
import type { NativeModule } from '../../src/engine/cpu/native/module.ts';
import { createWasmEngine } from '../../src/engine/cpu/wasm/engine.ts';
import { interfaceVersion } from '../../src/target/cpu/interface.ts';
import { buildNative } from '../../tools/build-native.ts';
import { includedBy, kernelSources, kernelUnits, root } from '../../tools/kernel-sources.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A fake compiler: a shell script that prints a version and then runs the given commands. */
function fakeCompiler(gccVersion: number, compiling: string): string {
  const path = join(folder, 'c++');
  writeFileSync(
    path,
    `#!/bin/sh\ncase "$*" in *-dM*) echo "#define __GNUC__ ${gccVersion}";; *) ${compiling};; esac\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

describe('a native build that fails', () => {
  /** The messages of a build in a folder with modules from older sources. */
  async function said(CXX: string): Promise<string[]> {
    const modules = join(folder, 'modules');
    mkdirSync(modules);
    writeFileSync(join(modules, 'densor-scalar.node'), 'of older sources');
    const lines: string[] = [];
    const cache = join(folder, 'units');
    await buildNative({ folder: modules, cache, env: { CXX }, say: (line) => lines.push(line) });
    expect(existsSync(modules), 'modules that do not fit today’s programs are gone').toBe(false);
    return lines;
  }

  test('because there is no compiler says what to install, in one line', async () => {
    expect(await said('/bin/false')).toEqual([
      'No native engine: CXX=/bin/false does not run; install g++ 12 or clang 15 (or later), then run `npm run build`. The WASM engine does the work until then.',
    ]);
  });

  test('because the compiler is too old says so', async () => {
    const compiler = fakeCompiler(9, 'exit 0');
    expect(await said(compiler)).toEqual([
      `No native engine: ${compiler} is version 9; install g++ 12 or clang 15 (or later), then run \`npm run build\`. The WASM engine does the work until then.`,
    ]);
  });

  test("because the sources do not compile gives the compiler's first complaint", async () => {
    const compiler = fakeCompiler(12, 'echo noise >&2; echo "x.h:1: error: no such thing" >&2; exit 1');
    const lines = await said(compiler);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^No native engine: \S+ does not compile the \w+ kernels \(x\.h:1: error: no such thing\)\. The WASM/,
    );
    expect(lines[0]).not.toContain('\n');
  });

  test('leaves an installed package that verifies and says which engine it has', () => {
    const files = ['package.json', 'dist/src', 'dist/tools', 'dist/kernels', 'kernels', 'tools/install.js'];
    for (const path of files) cpSync(join(root, path), join(folder, path), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const node = (...args: string[]) =>
      spawnSync(process.execPath, args, {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, CXX: '/bin/false' },
      });

    const install = node('tools/install.js');
    expect(install.status, install.stderr).toBe(0);
    expect(install.stderr).toBe('');
    expect(install.stdout).toMatch(/^No native engine: CXX=\/bin\/false does not run.*\n$/);

    const golden = join(root, 'test/golden/data/small_avg.safetensors');
    const verify = node('dist/src/cli/main.js', 'verify', golden, '--json');
    expect(verify.status, verify.stderr).toBe(0);
    expect(verify.stdout).toContain('wasm');
  });
});

describe('units of the kernels', () => {
  const files = kernelSources();
  const units = kernelUnits(files);
  const rebuilt = (changed: string) => units.filter((unit) => includedBy(files, unit).includes(changed));

  test('are recompiled if a file that they include has changed, and only then', () => {
    expect(units.length).toBeGreaterThan(5);
    expect(rebuilt('kernels/head/head.h')).toEqual(['kernels/head/head.cpp']);
    expect(rebuilt('kernels/conv/winograd_transform.h')).toEqual(['kernels/conv/winograd.cpp']);
    expect(rebuilt('kernels/base/interface.h')).toEqual(units);
    expect(rebuilt('kernels/bindings/napi.cpp')).toEqual([]);
  });
});

describe('kernels that were compiled from other sources', () => {
  const kernels = (version: number) => ({ interfaceVersion: version }) as NativeModule;

  test('are refused before a program runs on them', async () => {
    expect(() => requireInterface(kernels(interfaceVersion()))).not.toThrow();
    expect(() => requireInterface(kernels(interfaceVersion() + 1))).toThrow(
      'the native kernels were compiled from other sources than this version: run `npm run build`',
    );
    // An empty WASM module: it exports nothing.
    const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    await expect(
      createWasmEngine({ threads: 1, isa: 'scalar', module, startThreads: async () => [] }),
    ).rejects.toThrow('the WASM kernels were compiled from other sources');
    expect(nativeIsas().every((isa) => loadNativeModule(isa).isa === isa)).toBe(true);
  });
});
