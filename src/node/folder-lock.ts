import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { z } from 'zod';
import { InputError } from '../tensor/input-error.ts';
import { createTemporary, NotAFileError, naming, writeAll } from './files.ts';
import { describeProcess, isAlive, isLocal, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { systemCode } from './system-error.ts';
import { noteChange, noteUndone } from './written.ts';

/** Another process uses the folder. */
export class LockedError extends InputError {
  override readonly name = 'LockedError';
}

/** The lock of a folder, held by this process. */
export interface FolderLock {
  /**
   * @throws LockedError if another process has taken over the folder, which is possible after a minute without
   * heartbeats.
   */
  verify(): void;
  release(): void;
}

export const LOCK_FILE = 'run.lock';
const HEARTBEAT_MS = 15_000;
/** If it is unknown whether the holder is alive, its lock expires this long after its last heartbeat. */
const DEAD_AFTER_MS = 60_000;
/**
 * Without system locks: the time in which other processes can replace the file before this one assumes that it has
 * the lock.
 */
const SETTLE_MS = 200;
const ATTEMPTS = 100;
const MAX_LOCK_BYTES = 4096;

const contentSchema = z.object({
  pid: z.int().positive(),
  host: z.string().max(256),
  startTime: z.string().optional(),
  bootId: z.string().optional(),
  pidNamespace: z.string().optional(),
  /** Identifies this acquisition of the lock. */
  token: z.string(),
  /** Whether the holder has an operating system lock on the file, which is released when its process ends. */
  hasSystemLock: z.boolean(),
});
type Content = z.infer<typeof contentSchema>;

/**
 * Tries to lock an open file. True: acquired; false: held through another open file; undefined: locks are not
 * supported.
 */
export type SystemLock = (file: number) => boolean | undefined;

let tryLock: ((file: number) => boolean) | undefined;

/** flock or equivalent: a lock of the open file description, which the kernel releases when the process ends. */
const systemLock: SystemLock = (file) => {
  try {
    tryLock ??= createRequire(import.meta.url)('fs-native-extensions').tryLock as (file: number) => boolean;
    return tryLock(file);
  } catch {
    return undefined; // No native module for this platform, or no locks on this file system.
  }
};

/**
 * Locks a folder for this process. The lock of a process that has ended is taken over: immediately if the
 * operating system or the process table show that it has ended, otherwise a minute after its last heartbeat.
 * @throws LockedError with the holding process; NotAFileError, or a system error, if `run.lock` cannot be used.
 */
export function lockFolder(folder: string, lock: SystemLock = systemLock): FolderLock {
  const path = resolve(folder, LOCK_FILE);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const file = openLockFile(path);
    let isMine = false;
    try {
      const isLocked = lock(file);
      if (isLocked === false) throw lockedError(folder, contentOf(file), undefined);
      if (!isSameFile(path, file)) continue; // Released or taken over concurrently.
      const holder = contentOf(file);
      refuseLiving(folder, holder, fstatSync(file), isLocked === true);
      const content = {
        ...thisProcess(),
        token: randomBytes(8).toString('hex'),
        hasSystemLock: isLocked === true,
      };
      if (!isLocked) {
        const replaced = replaceLockFile(path, content, holder);
        if (replaced === undefined) continue;
        return hold(folder, path, replaced, content);
      }
      writeContent(path, file, content);
      isMine = true;
      return hold(folder, path, file, content);
    } finally {
      if (!isMine) closeSync(file);
    }
  }
  throw new LockedError(`${folder} is in use by other processes that take and give it back: try again`);
}

/**
 * Whether a process works in a folder, for those who only look on: nothing is written. A process that cannot be asked about
 * counts as at work until a minute after its last heartbeat.
 */
export function isAtWork(folder: string): boolean {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let file: number | undefined;
  try {
    file = openSync(resolve(folder, LOCK_FILE), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = fstatSync(file);
    const holder = stats.isFile() ? contentOf(file) : undefined;
    if (!holder) return false;
    return isLocal(holder) ? isAlive(holder) : Math.abs(Date.now() - stats.mtimeMs) < DEAD_AFTER_MS;
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function openLockFile(path: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const refuse = (what: string) => new NotAFileError(`${path} is ${what} and not a lock: remove it`);
  let file: number | undefined;
  try {
    const isNew = !lstatSync(path, { throwIfNoEntry: false });
    file = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666);
    if (isNew) noteChange(path);
    if (fstatSync(file).isFile()) return file;
    closeSync(file);
  } catch (error) {
    if (file !== undefined) closeSync(file);
    const code = systemCode(error);
    if (code === 'EISDIR') throw refuse('a folder');
    if (code === 'ELOOP') throw refuse('a symbolic link');
    if (code !== 'ENXIO') throw naming(path, error);
  }
  throw refuse('not a regular file');
}

/** @throws LockedError unless the holder has ended. */
function refuseLiving(
  folder: string,
  holder: Content | Legacy | undefined,
  file: Stats,
  isLocked: boolean,
): void {
  if (!holder) return; // Empty or invalid: its creator was interrupted, and has no system lock.
  const self = thisProcess();
  const isHere = isLocal(holder, self);
  // If the holder was alive, the kernel would not have granted the lock, even if it is in another container of
  // this machine.
  const isSameKernel = holder.bootId !== undefined && holder.bootId === self.bootId;
  if (isLocked && 'hasSystemLock' in holder && holder.hasSystemLock && (isHere || isSameKernel)) return;
  if (isHere) {
    if (isAlive(holder) && !(isLegacy(holder) && isAnother(holder.pid, file.mtimeMs))) {
      throw lockedError(folder, holder, undefined);
    }
    return;
  }
  // Absolute value: a time in the future is a clock difference, not a recent heartbeat.
  const silentMs = Math.abs(Date.now() - file.mtimeMs);
  if (silentMs < DEAD_AFTER_MS) throw lockedError(folder, holder, silentMs);
}

/** The format of earlier versions: `PID HOST`. */
type Legacy = Pick<ProcessIdentity, 'pid' | 'host' | 'bootId' | 'startTime'>;

function isLegacy(holder: Content | Legacy): boolean {
  return !('token' in holder);
}

/** Whether a process id was reused since a lock was written: the process started later, or does not run Node. */
function isAnother(pid: number, writtenMs: number): boolean {
  const { startedMs = 0, program = '' } = describeProcess(pid);
  return startedMs > writtenMs + 2000 || (program !== '' && !/^(node|densor)/.test(program));
}

function contentOf(file: number): Content | Legacy | undefined {
  const bytes = new Uint8Array(MAX_LOCK_BYTES);
  try {
    return parseContent(Buffer.from(bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0))).toString());
  } catch {
    return undefined; // On Windows a file locked by another process cannot be read.
  }
}

function parseContent(text: string): Content | Legacy | undefined {
  const [, pid, host] = /^(\d{1,10}) (\S{1,256})\n$/.exec(text) ?? [];
  if (pid !== undefined) return { pid: Number(pid), host: host! };
  try {
    return contentSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function writeContent(path: string, file: number, content: Content): void {
  try {
    ftruncateSync(file, 0);
    writeAll(file, Buffer.from(JSON.stringify(content)), 0);
  } catch (error) {
    rmSync(path, { force: true });
    noteUndone(path);
    throw naming(path, error);
  }
}

/**
 * Without system locks: replaces the lock file and waits, in case another process does the same; the last one has
 * the lock. @returns the new file; undefined if another process has the lock.
 */
function replaceLockFile(
  path: string,
  content: Content,
  old: Content | Legacy | undefined,
): number | undefined {
  const { path: temporary, file } = createTemporary(path, 0o666);
  let isMine = false;
  try {
    writeAll(file, Buffer.from(JSON.stringify(content)), 0);
    if (JSON.stringify(readLock(path)) !== JSON.stringify(old)) return undefined;
    renameSync(temporary, path);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_MS);
    isMine = isSameFile(path, file);
    return isMine ? file : undefined;
  } catch (error) {
    throw naming(path, error);
  } finally {
    if (!isMine) closeSync(file);
    rmSync(temporary, { force: true });
  }
}

function readLock(path: string): Content | Legacy | undefined {
  try {
    return parseContent(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function hold(folder: string, path: string, file: number, content: Content): FolderLock {
  const bytes = Buffer.from(JSON.stringify(content));
  const heartbeat = setInterval(() => {
    try {
      // A write, not utimes, so that the modification time is that of the file server's clock.
      writeAll(file, bytes, 0);
    } catch {} // The next heartbeat may succeed; a takeover is detected by `verify`.
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    verify() {
      const isGone = !statSync(path, { throwIfNoEntry: false });
      if (isGone || isSameFile(path, file)) return; // Deleted by the user; no other process has it.
      throw lockedError(folder, readLock(path), undefined);
    },
    release() {
      clearInterval(heartbeat);
      try {
        if (isSameFile(path, file)) rmSync(path, { force: true });
        noteUndone(path);
      } catch {} // The lock ends when the file is closed, or a minute later.
      closeSync(file);
    },
  };
}

function isSameFile(path: string, file: number): boolean {
  const [there, mine] = [
    statSync(path, { throwIfNoEntry: false, bigint: true }),
    fstatSync(file, { bigint: true }),
  ];
  return there !== undefined && there.ino === mine.ino && there.dev === mine.dev;
}

function lockedError(
  folder: string,
  holder: Content | Legacy | undefined,
  silentMs: number | undefined,
): LockedError {
  const whose = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
  const remedy = 'wait for it, or use another `out`';
  if (silentMs === undefined) return new LockedError(`${folder} is in use by ${whose}: ${remedy}`);
  const seconds = Math.round(silentMs / 1000);
  return new LockedError(
    `${folder} is in use by ${whose}, last heard of ${seconds} s ago: ${remedy} (if it is gone, try again ` +
      `${DEAD_AFTER_MS / 1000} s after that)`,
  );
}
