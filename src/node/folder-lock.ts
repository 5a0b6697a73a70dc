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

/** Another process works in the folder. */
export class LockedError extends InputError {
  override readonly name = 'LockedError';
}

/** A folder that belongs to this process. */
export interface FolderLock {
  /** @throws LockedError where another process took the folder over, as it may after a minute without a heartbeat. */
  verify(): void;
  release(): void;
}

export const LOCK_FILE = 'run.lock';
const HEARTBEAT_MS = 15_000;
/** The lock of a process that cannot be asked about is free so long after its last heartbeat. */
const DEAD_AFTER_MS = 60_000;
/** Without locks of the system: time for others to replace the file before this process believes that it is its own. */
const SETTLE_MS = 200;
const ATTEMPTS = 100;
const MAX_LOCK_BYTES = 4096;

const contentSchema = z.object({
  pid: z.int().positive(),
  host: z.string().max(256),
  startTime: z.string().optional(),
  bootId: z.string().optional(),
  pidNamespace: z.string().optional(),
  /** Tells this taking of the lock from every other. */
  token: z.string(),
  /** Whether the holder has a lock of the operating system on the file, which ends with it. */
  hasSystemLock: z.boolean(),
});
type Content = z.infer<typeof contentSchema>;

/** `true`: taken; `false`: another open file has it; undefined: the file system knows no locks. */
export type SystemLock = (file: number) => boolean | undefined;

let tryLock: ((file: number) => boolean) | undefined;

/** flock or its like: an open file description's lock, given back by the kernel however the process ends. */
const systemLock: SystemLock = (file) => {
  try {
    tryLock ??= createRequire(import.meta.url)('fs-native-extensions').tryLock as (file: number) => boolean;
    return tryLock(file);
  } catch {
    return undefined; // No module for this machine, or no locks on this file system.
  }
};

/**
 * Takes a folder for this process. A lock whose process is gone is taken over: at once where the operating system or the
 * process table tells, else a minute after its last heartbeat.
 * @throws LockedError naming the process that holds it; NotAFileError, or the system's error, where `run.lock` cannot be used.
 */
export function lockFolder(folder: string, lock: SystemLock = systemLock): FolderLock {
  const path = resolve(folder, LOCK_FILE);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const file = openLockFile(path);
    let isMine = false;
    try {
      const isLocked = lock(file);
      if (isLocked === false) throw lockedError(folder, contentOf(file), undefined);
      if (!isSameFile(path, file)) continue; // Given back, or taken over, in this very moment.
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

/** @throws LockedError unless the holder is gone. */
function refuseLiving(
  folder: string,
  holder: Content | Legacy | undefined,
  file: Stats,
  isLocked: boolean,
): void {
  if (!holder) return; // Empty or of no sense: whoever made it did not finish, and has no lock of the system.
  const self = thisProcess();
  const isHere = isLocal(holder, self);
  // The kernel that gave us the lock would not have, did the holder live: also in another container of this machine.
  const isSameKernel = holder.bootId !== undefined && holder.bootId === self.bootId;
  if (isLocked && 'hasSystemLock' in holder && holder.hasSystemLock && (isHere || isSameKernel)) return;
  if (isHere) {
    if (isAlive(holder) && !(isLegacy(holder) && isAnother(holder.pid, file.mtimeMs))) {
      throw lockedError(folder, holder, undefined);
    }
    return;
  }
  // A minute ahead of our clock is as good as a minute behind: no heartbeat comes from the future.
  const silentMs = Math.abs(Date.now() - file.mtimeMs);
  if (silentMs < DEAD_AFTER_MS) throw lockedError(folder, holder, silentMs);
}

/** What earlier versions wrote: `PID HOST`. */
type Legacy = Pick<ProcessIdentity, 'pid' | 'host' | 'bootId' | 'startTime'>;

function isLegacy(holder: Content | Legacy): boolean {
  return !('token' in holder);
}

/** Whether a process only bears the number of the one that wrote a lock then: it began later, or does not run Node. */
function isAnother(pid: number, writtenMs: number): boolean {
  const { startedMs = 0, program = '' } = describeProcess(pid);
  return startedMs > writtenMs + 2000 || (program !== '' && !/^(node|densor)/.test(program));
}

function contentOf(file: number): Content | Legacy | undefined {
  const bytes = new Uint8Array(MAX_LOCK_BYTES);
  try {
    return parseContent(Buffer.from(bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0))).toString());
  } catch {
    return undefined; // Windows lets nobody read a file that another process has locked.
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
 * Without locks of the system: puts a new file in the place of the old and waits whether another process does the same;
 * the last one has the folder. @returns the new file; undefined where another process was faster.
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
      // Written, not touched: the file server's clock gives the time, whatever ours says.
      writeAll(file, bytes, 0);
    } catch {} // The next one may come through; whoever takes the folder over is met by `verify`.
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    verify() {
      const isGone = !statSync(path, { throwIfNoEntry: false });
      if (isGone || isSameFile(path, file)) return; // Deleted by hand: nobody else has it.
      throw lockedError(folder, readLock(path), undefined);
    },
    release() {
      clearInterval(heartbeat);
      try {
        if (isSameFile(path, file)) rmSync(path, { force: true });
        noteUndone(path);
      } catch {} // It is given back with the file, or a minute later.
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
