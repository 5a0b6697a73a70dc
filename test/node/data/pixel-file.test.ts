import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PixelFile } from '../../../src/data/dataset.ts';
import { CacheError } from '../../../src/node/cache-folder.ts';
import { fileStore } from '../../../src/node/data/pixel-file.ts';

test('images in a file are read as they were appended, and the file has no name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  try {
    const [one, other] = [fileStore(folder), fileStore(folder)];
    one.append(Uint8Array.of(1, 2, 3));
    other.append(Uint8Array.of(7, 8, 9));
    one.append(Uint8Array.of(4, 5));
    const read = new Uint8Array(3);
    (one.finish() as PixelFile).read(2, read);
    expect([...read]).toEqual([3, 4, 5]);
    expect(() => (other.finish() as PixelFile).read(1, read)).toThrow(/ends before byte 4/);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a folder in which no file can be created is named with the remedy', () => {
  expect(() => fileStore('/dev/null/scratch')).toThrow(CacheError);
  expect(() => fileStore('/dev/null/scratch')).toThrow(/\/dev\/null\/scratch.*set XDG_CACHE_HOME/);
});
