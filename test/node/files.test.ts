import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AppendFile,
  makeFolder,
  NotAFileError,
  removeFolders,
  removeStaleTemporaries,
  writeFileAtomic,
  writeStreamAtomic,
} from '../../src/node/files.ts';
import { forgetChanges, hasChanged } from '../../src/node/written.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  forgetChanges();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const text = (name: string) => readFileSync(at(name), 'utf8');

describe('an atomic write', () => {
  test('replaces the whole file and leaves nothing else', () => {
    writeFileAtomic(at('a'), 'old');
    writeFileAtomic(at('a'), [Uint8Array.of(110, 101), Uint8Array.of(119)]);
    expect(text('a')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a']);
    expect(hasChanged()).toBe(true);
  });

  test('combines small chunks and writes large ones directly, in order', () => {
    const sizes = [3, 300_000, 0, 5, 262_144, 1, 262_140, 700_001];
    const chunks = sizes.map((size, i) => new Uint8Array(size).fill(i));
    writeFileAtomic(at('a'), chunks);
    expect(readFileSync(at('a')).equals(Buffer.concat(chunks))).toBe(true);
  });

  test('that fails keeps the old file and cleans up', () => {
    writeFileAtomic(at('a'), 'old');
    forgetChanges();
    const broken = function* () {
      yield Uint8Array.of(1);
      throw new Error('no more');
    };
    expect(() => writeFileAtomic(at('a'), broken())).toThrow('no more');
    expect(text('a')).toBe('old');
    expect(readdirSync(folder)).toEqual(['a']);
    expect(hasChanged()).toBe(false);
  });

  test('of an async iterable keeps the old file until the last chunk', async () => {
    writeFileAtomic(at('a'), 'old');
    const sizes = [3, 300_000, 0, 5, 262_144, 1];
    const chunks = sizes.map((size, i) => new Uint8Array(size).fill(i));
    const coming = async function* () {
      for (const chunk of chunks) {
        await new Promise((resolve) => setImmediate(resolve));
        expect(text('a')).toBe('old');
        yield chunk;
      }
    };
    await writeStreamAtomic(at('a'), coming());
    expect(readFileSync(at('a')).equals(Buffer.concat(chunks))).toBe(true);
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('of an iterable that rejects keeps the old file and cleans up', async () => {
    writeFileAtomic(at('a'), 'old');
    forgetChanges();
    const broken = async function* () {
      yield Uint8Array.of(1);
      throw new Error('no more');
    };
    await expect(writeStreamAtomic(at('a'), broken())).rejects.toThrow('no more');
    expect(text('a')).toBe('old');
    expect(readdirSync(folder)).toEqual(['a']);
    expect(hasChanged()).toBe(false);
    await expect(writeStreamAtomic(at('none/a'), broken())).rejects.toThrow(
      expect.objectContaining({ code: 'ENOENT', path: at('none/a') }),
    );
  });

  test('keeps the permissions of the file that it replaces', () => {
    writeFileAtomic(at('a'), 'old');
    chmodSync(at('a'), 0o600);
    writeFileAtomic(at('a'), 'new');
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
  });

  test('works for the longest possible file name', () => {
    const name = 'é'.repeat(127);
    writeFileAtomic(at(name), 'text');
    expect(text(name)).toBe('text');
  });

  test.each([
    ['to a file', true],
    ['to a file that is still to be made', false],
  ])('to a symbolic link %s writes there, and the link stays', (_, exists) => {
    if (exists) writeFileSync(at('target'), 'old');
    symlinkSync('target', at('link'));
    writeFileAtomic(at('link'), 'new');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(text('target')).toBe('new');
  });

  test.skipIf(process.platform !== 'linux')('to a device writes to it, and names it if it is full', () => {
    writeFileAtomic('/dev/null', 'text');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    symlinkSync('/dev/full', at('a'));
    expect(() => writeFileAtomic(at('a'), 'text')).toThrow(
      expect.objectContaining({ code: 'ENOSPC', path: at('a') }),
    );
    expect(lstatSync(at('a')).isSymbolicLink()).toBe(true);
  });

  test.skipIf(process.platform === 'win32')(
    'to a pipe reaches its reader, and is refused where there is none',
    async () => {
      execFileSync('mkfifo', [at('pipe')]);
      expect(() => writeFileAtomic(at('pipe'), 'text')).toThrow(/ENXIO/);
      const reader = spawn('cat', [at('pipe')], { stdio: ['ignore', 'pipe', 'ignore'] });
      const got = reader.stdout.setEncoding('utf8').toArray();
      // The reader needs a moment to open the pipe.
      for (;;) {
        try {
          writeFileAtomic(at('pipe'), 'text'.repeat(50_000));
          break;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      await once(reader, 'close');
      expect((await got).join('')).toBe('text'.repeat(50_000));
      expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    },
  );

  test('to a folder is refused', () => {
    mkdirSync(at('a'));
    expect(() => writeFileAtomic(at('a'), 'text')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    expect(readdirSync(folder)).toEqual(['a']);
  });
});

describe('temporary files of a killed process', () => {
  const name = (of: string, digits = '0123456789abcdef') => `${of}.${digits}.partial`;

  test('are removed immediately if only the caller writes them, otherwise after an hour; other files remain', () => {
    const own = name('last.safetensors');
    const [others, old, earlier] = [
      name('confusion.csv'),
      name('classes.csv'),
      name('last.safetensors', '123'),
    ];
    const kept = ['notes.partial', 'last.safetensors'];
    for (const file of [own, others, old, earlier, ...kept]) writeFileSync(at(file), 'half');
    symlinkSync('last.safetensors', at(name('best.safetensors')));
    utimesSync(at(old), 1, 1);
    removeStaleTemporaries(folder, [at('last.safetensors'), at('best.safetensors')]);
    expect(readdirSync(folder).sort()).toEqual([name('best.safetensors'), others, ...kept].sort());
  });

  test('are ignored if they cannot be listed', () => {
    removeStaleTemporaries(at('nowhere'), ['a']);
  });
});

describe('a folder', () => {
  test('is created with its parents, and removed with empty parents', () => {
    mkdirSync(at('a'));
    const made = makeFolder(at('a/b/c'));
    expect(made).toEqual([at('a/b'), at('a/b/c')]);
    expect(hasChanged()).toBe(true);
    removeFolders(made);
    expect(readdirSync(at('a'))).toEqual([]);
    expect(hasChanged()).toBe(false);
    expect(makeFolder(at('a'))).toEqual([]);
    const again = makeFolder(at('a/b/c'));
    writeFileSync(at('a/b/file'), '');
    removeFolders(again);
    expect(readdirSync(at('a/b'))).toEqual(['file']);
  });

  test('that cannot be created leaves no parents behind', () => {
    const path = at(`a/b/${'n'.repeat(300)}`);
    expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG', path }));
    expect(readdirSync(folder)).toEqual([]);
    expect(hasChanged()).toBe(false);
    writeFileSync(at('file'), '');
    expect(() => makeFolder(at('file/a'))).toThrow(
      expect.objectContaining({ code: 'EEXIST', path: at('file') }),
    );
  });
});

describe('an append-only file', () => {
  test('is truncated to the given length, and ends with a complete line', () => {
    writeFileSync(at('log'), 'one\ntwo\nthr');
    const file = AppendFile.open(at('log'), 8);
    file.append('three\n');
    file.sync();
    file.close();
    expect(text('log')).toBe('one\ntwo\nthree\n');
    const torn = AppendFile.open(at('log'), 6);
    torn.append('two\n');
    expect(torn.bytes).toBe('one\ntw\ntwo\n'.length);
    torn.close();
    expect(text('log')).toBe('one\ntw\ntwo\n');
    const shorter = AppendFile.open(at('log'), 1000);
    expect(shorter.bytes).toBe(11);
    shorter.close();
  });

  test('that is not a file is refused, and a pipe does not wait for its reader', () => {
    mkdirSync(at('a'));
    expect(() => AppendFile.open(at('a'), 0)).toThrow(/EISDIR/);
    if (process.platform === 'win32') return;
    spawnSync('mkfifo', [at('pipe')]);
    expect(() => AppendFile.open(at('pipe'), 0)).toThrow(NotAFileError);
  });
});
