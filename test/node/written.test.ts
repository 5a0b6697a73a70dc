import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileAtomic } from '../../src/node/files.ts';
import { forgetChanges, hasChanged } from '../../src/node/written.ts';

let folder: string;
const before = process.env.XDG_CACHE_HOME;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  process.env.XDG_CACHE_HOME = folder;
  forgetChanges();
});
afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  rmSync(folder, { recursive: true, force: true });
});

test('files in the cache, such as downloads, are no changes; files beside it are', () => {
  mkdirSync(join(folder, 'densor'));
  writeFileAtomic(join(folder, 'densor/gpu.json'), '{}');
  expect(hasChanged()).toBe(false);
  writeFileAtomic(join(folder, 'densor-2'), '{}');
  expect(hasChanged()).toBe(true);
});
