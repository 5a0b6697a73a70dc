import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nativeIsas } from '../src/engine/cpu/native/load-module.ts';
import { kernelSources } from '../tools/kernel-sources.ts';
import { compileKernels, findCompiler, VARIANTS, writeTree } from '../tools/native-compiler.ts';

/** Builds kernels/bench/backward.cpp for the best instruction set of this processor, as the engine is built; runs it. */

const folder = mkdtempSync(join(tmpdir(), 'densor-bench-'));
try {
  const isa = nativeIsas()[0] ?? 'scalar';
  writeTree(kernelSources(), folder);
  const words = ['-O3', ...VARIANTS[process.arch]![isa]!, '-o', 'backward', 'kernels/bench/backward.cpp'];
  await compileKernels(await findCompiler(), folder, isa, words);
  console.log(isa);
  execFileSync(join(folder, 'backward'), { stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
