import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as writtenFiles from '../../src/node/written.ts';
import type * as fasterGpu from '../../src/run/faster-gpu.ts';
import { VERSION } from '../../src/version.ts';

// The built module: the measurement runs in a process of its own.
const built: typeof fasterGpu = await import(
  new URL('../../dist/src/run/faster-gpu.js', import.meta.url).href
);
const written: typeof writtenFiles = await import(
  new URL('../../dist/src/node/written.js', import.meta.url).href
);

let folder: string;
const before = process.env.XDG_CACHE_HOME;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-auto-'));
  process.env.XDG_CACHE_HOME = folder;
});
afterAll(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  rmSync(folder, { recursive: true });
});
const file = () => join(folder, 'densor', 'gpu.json');

test('an adapter in software is not taken, and that is kept', async () => {
  const probe = await built.probeGpu('native');
  expect(built.isFaster(probe)).toBe(false);
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({
    version: VERSION,
    engine: 'native',
    gpu: 0,
  });
  // Otherwise a command line that is refused afterwards would end with the status of a run that wrote something.
  expect(written.hasChanged()).toBe(false);
});

test('a card that was measured to be faster is taken without measuring again', async () => {
  const kept = { version: VERSION, engine: 'wasm', at: 0, adapter: 'a card', gpu: 900, cpu: 100 };
  writeFileSync(file(), JSON.stringify(kept));
  expect(built.isFaster(await built.probeGpu('wasm'))).toBe(true);
});

test('a card is taken only if it is faster', () => {
  expect(built.isFaster({ adapter: 'a card', gpu: 2, cpu: 1 })).toBe(true);
  expect(built.isFaster({ adapter: 'a card', gpu: 1, cpu: 2 })).toBe(false);
});
