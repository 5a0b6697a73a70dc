import { spawnSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeStaleTemporaries, writeFileAtomic } from '../../src/io/atomic-file.ts';
import { LockedError, lockFolder } from '../../src/io/run-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('an atomic write', () => {
  test('replaces the whole file and leaves nothing else', () => {
    writeFileAtomic(join(folder, 'a'), 'old');
    writeFileAtomic(join(folder, 'a'), [Uint8Array.of(110, 101), Uint8Array.of(119)]);
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('that fails keeps the old file and cleans up', () => {
    writeFileAtomic(join(folder, 'a'), 'old');
    const broken = [Uint8Array.of(1), { length: 5 } as unknown as Uint8Array];
    expect(() => writeFileAtomic(join(folder, 'a'), broken)).toThrow();
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test.skipIf(process.platform !== 'linux')('to a disk that is full says so', () => {
    symlinkSync('/dev/full', join(folder, `a.${process.pid}.partial`));
    expect(() => writeFileAtomic(join(folder, 'a'), 'text')).toThrow(/ENOSPC/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that was killed leaves a file that is recognised and removed', () => {
    writeFileSync(join(folder, 'last.safetensors.12345.partial'), 'half');
    writeFileSync(join(folder, 'last.safetensors'), 'whole');
    removeStaleTemporaries(folder);
    expect(readdirSync(folder)).toEqual(['last.safetensors']);
  });
});

describe('a folder', () => {
  test('belongs to one process at a time', () => {
    const release = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(LockedError);
    release();
    lockFolder(folder)();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('whose process died is free', () => {
    const { pid } = spawnSync('true');
    writeFileSync(join(folder, 'run.lock'), `${pid} ${hostname()}\n`);
    lockFolder(folder)();
  });

  test('held from another machine is not', () => {
    writeFileSync(join(folder, 'run.lock'), `1 elsewhere\n`);
    expect(() => lockFolder(folder)).toThrow(/process 1 on elsewhere: .*delete .*run\.lock/);
  });

  test("held by an earlier process of this one's number, as in a container that was started again, is free", () => {
    writeFileSync(join(folder, 'run.lock'), `${process.pid} ${hostname()}\n`);
    lockFolder(folder)();
  });

  test('whose lock is just being written is not, until that takes too long', () => {
    const lock = join(folder, 'run.lock');
    writeFileSync(lock, '');
    expect(() => lockFolder(folder)).toThrow(/in use by another process/);
    utimesSync(lock, 1, 1);
    lockFolder(folder)();
  });
});
