import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nativeIsas } from '../src/engine/cpu/native/load-module.ts';

const root = new URL('../', import.meta.url);
const programs = readFileSync(new URL('README.md', root), 'utf8').match(/(?<=```ts\n).*?(?=```)/gs)!;
const inNode = programs.find((program) => program.includes('createNativeEngine'));

// Without native kernels the README's engine is not here.
test.skipIf(nativeIsas().length === 0)("the README's program trains", () => {
  const folder = mkdtempSync(join(tmpdir(), 'densor-readme-'));
  try {
    const program = join(folder, 'program.mjs');
    writeFileSync(program, inNode!.replace("'densor'", `'${new URL('dist/src/index.js', root)}'`));
    const losses = execFileSync(process.execPath, [program], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
    expect(losses).toHaveLength(10);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
