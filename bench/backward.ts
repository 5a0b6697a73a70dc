import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordsHeader } from '../tools/generate-records.ts';
import { root } from '../tools/kernel-sources.ts';

/** Builds kernels/bench/backward.cpp with `CXX` (g++) for this very processor, and runs it. */

const folder = mkdtempSync(join(tmpdir(), 'densor-bench-'));
try {
  const flags = ['-std=c++20', '-O3', '-march=native', '-ffp-contract=off', '-w', '-Ikernels', '-I', folder];
  const program = join(folder, 'backward');
  const source = join('kernels', 'bench', 'backward.cpp');
  mkdirSync(join(folder, 'base'));
  writeFileSync(join(folder, 'base', 'records.h'), recordsHeader());
  execFileSync(process.env.CXX ?? 'g++', [...flags, source, '-o', program], { cwd: root, stdio: 'inherit' });
  execFileSync(program, { stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
