import { execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NotAFileError } from '../../src/node/files.ts';
import { LockedError, lockFolder } from '../../src/node/folder-lock.ts';
import { thisProcess } from '../../src/node/process-identity.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isLinux = process.platform === 'linux';
const lockFile = () => join(folder, 'run.lock');
const write = (content: object | string) =>
  writeFileSync(lockFile(), typeof content === 'string' ? content : JSON.stringify(content));
const secondsAgo = (seconds: number) => {
  const time = Date.now() / 1000 - seconds;
  utimesSync(lockFile(), time, time);
};

/** A lock of a running process on this machine. */
const living = { ...thisProcess(), token: 'a', hasSystemLock: false };
const ofAnotherHost = { ...living, host: 'elsewhere', bootId: 'another', pidNamespace: 'another' };
/** A file system without system locks. */
const none = () => undefined;

describe.each([
  ['with locks of the system', undefined],
  ['without', none],
])('a folder, %s', (_, system) => {
  const lock = () => lockFolder(folder, system);

  test('belongs to one process at a time', () => {
    const held = lock();
    expect(lock).toThrow(LockedError);
    expect(lock).toThrow(new RegExp(`in use by process ${process.pid} on ${hostname()}: wait for it`));
    held.verify();
    held.release();
    lock().release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of a process that has ended is free', () => {
    const { pid } = spawnSync('true');
    write({ ...living, pid });
    lock().release();
  });

  test.runIf(isLinux)("is free if another process has the holder's process id now", () => {
    write({ ...living, pid: 1, startTime: '123456789' });
    lock().release();
  });

  test.each([
    ['empty', ''],
    ['of no sense', '\0\0\0 {'],
    ['a large file', 'x'.repeat(100_000)],
  ])('whose lock is %s is free, whatever its date', (__, content) => {
    for (const seconds of [0, -1e6, 1e6]) {
      write(content);
      secondsAgo(seconds);
      lock().release();
    }
  });

  test('of another machine is free a minute after its last heartbeat', () => {
    write(ofAnotherHost);
    secondsAgo(30);
    expect(lock).toThrow(
      /in use by process \d+ on elsewhere, last heard of 3\d s ago: .*\(if it is gone, try again 60 s after that\)/,
    );
    secondsAgo(61);
    lock().release();
    write(ofAnotherHost);
    secondsAgo(-3600);
    lock().release();
  });

  test('that another process took over is detected', () => {
    const held = lock();
    rmSync(lockFile());
    held.verify(); // Deleted by the user.
    write(ofAnotherHost);
    expect(() => held.verify()).toThrow(/in use by process \d+ on elsewhere/);
    held.release();
    expect(JSON.parse(readFileSync(lockFile(), 'utf8'))).toEqual(ofAnotherHost);
  });

  test('with a folder, a link or a pipe as lock file is refused, and nothing is written through the link', () => {
    const refuses = (what: RegExp) => {
      expect(lock).toThrow(NotAFileError);
      expect(lock).toThrow(what);
    };
    mkdirSync(lockFile());
    refuses(/run\.lock is a folder and not a lock: remove it/);
    rmSync(lockFile(), { recursive: true });
    if (process.platform === 'win32') return;
    writeFileSync(join(folder, 'victim'), 'text');
    for (const target of ['victim', 'nowhere']) {
      symlinkSync(target, lockFile());
      refuses(/run\.lock is a symbolic link/);
      expect(lstatSync(lockFile()).isSymbolicLink()).toBe(true);
      rmSync(lockFile());
    }
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('text');
    expect(readdirSync(folder)).toEqual(['victim']);
    execFileSync('mkfifo', [lockFile()]);
    refuses(/run\.lock is not a regular file/);
  });
});

test('a folder with a system lock is free as soon as its holder ends, in any container of the machine', () => {
  write({ ...living, hasSystemLock: true });
  lockFolder(folder).release();
  write({ ...living, hasSystemLock: true, pidNamespace: 'another container' });
  lockFolder(folder).release();
  write({ ...living, hasSystemLock: false, pidNamespace: 'another container' });
  expect(() => lockFolder(folder)).toThrow(LockedError);
});

describe('a lock of an earlier version, `PID HOST`', () => {
  test('is held while its process is alive', () => {
    write(`${process.pid} ${hostname()}\n`);
    expect(() => lockFolder(folder)).toThrow(LockedError);
  });

  test.runIf(isLinux)('is free if another program has its process id', () => {
    write(`1 ${hostname()}\n`);
    if (/^(node|densor)/.test(basename(readFileSync('/proc/1/cmdline', 'utf8').split('\0')[0]!))) return;
    lockFolder(folder).release();
  });

  test.runIf(isLinux)('is free if the process with its id started later', () => {
    write(`${process.pid} ${hostname()}\n`);
    secondsAgo(1e7);
    lockFolder(folder).release();
  });

  test('of another machine is free after a minute', () => {
    write('1 elsewhere\n');
    expect(() => lockFolder(folder)).toThrow(/process 1 on elsewhere, last heard of \d s ago/);
    secondsAgo(100);
    lockFolder(folder).release();
  });
});

test('is not released by a process that no longer holds it', () => {
  const held = lockFolder(folder);
  renameSync(lockFile(), join(folder, 'old'));
  const other = lockFolder(folder);
  held.release();
  other.verify();
  expect(() => lockFolder(folder)).toThrow(LockedError);
  other.release();
});

test('a lock is released when its process ends in any way', async () => {
  const program = join(folder, 'holder.mjs');
  const source = new URL('../../dist/src/node/folder-lock.js', import.meta.url).href;
  writeFileSync(
    program,
    `import { lockFolder } from '${source}'; lockFolder('${folder}'); process.send('held');`,
  );
  const holder = fork(program);
  await once(holder, 'message');
  expect(() => lockFolder(folder)).toThrow(new RegExp(`in use by process ${holder.pid} `));
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  lockFolder(folder).release();
});
