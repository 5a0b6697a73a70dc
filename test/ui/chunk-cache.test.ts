import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChunkCache } from '../../src/ui/chunk-cache.ts';

let folder: string;
let log: FileHandle;
const path = () => join(folder, 'log.jsonl');
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-chunks-'));
  writeFileSync(path(), 'a'.repeat(3000));
  log = await open(path());
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const textOf = (chunk: { readonly lines: readonly Buffer[] } | undefined) => chunk?.lines.join('');

test('stretches that follow each other are kept as one', async () => {
  const cache = new ChunkCache();
  await cache.put('run', 0, 1000, Buffer.from('one '), log);
  await cache.put('run', 1000, 2000, Buffer.from('two'), log);
  const chunk = await cache.get('run', 0, log);
  expect([textOf(chunk), chunk!.end]).toEqual(['one two', 2000]);
});

test('a stretch of a log that was cut and grew again is not kept with what came later', async () => {
  const cache = new ChunkCache();
  await cache.put('run', 0, 1000, Buffer.from('old '), log);
  writeFileSync(path(), `${'a'.repeat(500)}${'b'.repeat(2500)}`); // The first stretch ends otherwise now.
  await cache.put('run', 1000, 2000, Buffer.from('new'), log);
  expect(textOf(await cache.get('run', 0, log))).toBeUndefined();
  expect(textOf(await cache.get('run', 1000, log))).toBe('new');
});

test('readers of the same log at the same time leave room for other logs', async () => {
  const cache = new ChunkCache();
  const lines = Buffer.alloc(2 ** 20);
  const put = () => cache.put('run', 0, 1000, lines, log);
  await put();
  for (let i = 0; i < 60; i++) {
    let go = () => {};
    const isGoing = new Promise<void>((resolve) => {
      go = resolve;
    });
    const slow = { read: (...of: unknown[]) => isGoing.then(() => log.read(...(of as [Buffer]))) };
    const found = cache.get('run', 0, slow as unknown as FileHandle);
    await put();
    go();
    await found;
  }
  await cache.put('other', 0, 1000, lines, log);
  expect([await cache.get('run', 0, log), await cache.get('other', 0, log)]).not.toContain(undefined);
});
