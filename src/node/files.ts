import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../tensor/input-error.ts';
import { isUnsupported, systemCode } from './system-error.ts';
import { noteChange, noteUndone } from './written.ts';

const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL } = constants;
/** Windows has neither. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

/** `NAME.0123456789abcdef.partial`; earlier versions had the number of the process there. */
const TEMPORARY = /^(.+)\.(?:[0-9a-f]{16}|\d+)\.partial$/;
/** Names of files are at most 255 bytes. */
const NAME_CHARACTERS = 64;
/** Chunks are gathered into writes of this size: a tensor of 48 bytes is not worth a system call. */
const WRITE_BYTES = 2 ** 18;
/** No file takes longer to write than this: a temporary file that is older has been left behind. */
const ABANDONED_MS = 3_600_000;

/** A place for a file where something else is: a socket, a disk. */
export class NotAFileError extends InputError {
  override readonly name = 'NotAFileError';
}

/**
 * Writes a file so that a reader, or a machine that loses power, sees the old content or the new and nothing else:
 * temporary file, fsync, rename, fsync of the folder. On failure (a full disk) the old file is left as it was. A
 * symbolic link is followed, and pipes and devices such as /dev/stdout are written to: neither is replaced.
 * @throws NotAFileError where a socket or a disk is in its place; the system's errors, naming `path`.
 */
export function writeFileAtomic(path: string, chunks: Iterable<Uint8Array> | string): void {
  const written = AtomicFile.open(path);
  try {
    for (const chunk of typeof chunks === 'string' ? [Buffer.from(chunks)] : chunks) written.write(chunk);
    written.commit();
  } catch (error) {
    throw written.abandon(error);
  }
}

/** As `writeFileAtomic`, of chunks that are still to come; when they reject, the old file is left as it was. */
export async function writeStreamAtomic(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const written = AtomicFile.open(path);
  try {
    for await (const chunk of chunks) written.write(chunk);
    written.commit();
  } catch (error) {
    throw written.abandon(error);
  }
}

/** A file that is being written: whoever opens one ends it with `commit` or, on any failure, `abandon`. */
class AtomicFile {
  readonly #path: string;
  readonly #target: string;
  readonly #file: number;
  /** Undefined in place: of pipes and devices, and when it has become the target. */
  #temporary: string | undefined;
  #isOpen = true;
  readonly #gathered = new Uint8Array(WRITE_BYTES);
  #length = 0;

  private constructor(path: string, target: string, file: number, temporary: string | undefined) {
    this.#path = path;
    this.#target = target;
    this.#file = file;
    this.#temporary = temporary;
  }

  static open(path: string): AtomicFile {
    try {
      const { target, found } = targetOf(path);
      if (found?.isFIFO() || found?.isCharacterDevice()) {
        return new AtomicFile(path, target, openInPlace(target, found), undefined);
      }
      const { path: temporary, file } = createTemporary(target, found ? found.mode & 0o777 : 0o666);
      return new AtomicFile(path, target, file, temporary);
    } catch (error) {
      throw naming(path, error);
    }
  }

  write(chunk: Uint8Array): void {
    if (this.#length + chunk.length > this.#gathered.length) this.#flush();
    if (chunk.length > this.#gathered.length) writeAll(this.#file, chunk);
    else {
      this.#gathered.set(chunk, this.#length);
      this.#length += chunk.length;
    }
  }

  commit(): void {
    this.#flush();
    if (this.#temporary !== undefined) syncFile(this.#file);
    this.#close();
    if (this.#temporary === undefined) return;
    renameSync(this.#temporary, this.#target);
    this.#temporary = undefined;
    noteChange(this.#target);
    syncFolder(dirname(this.#target));
  }

  /** Leaves nothing behind. @returns the error that led here, naming the file. */
  abandon(error: unknown): unknown {
    try {
      this.#close();
    } catch {} // The error that led here matters more.
    if (this.#temporary !== undefined) removeQuietly(this.#temporary);
    return naming(this.#path, error);
  }

  #flush(): void {
    writeAll(this.#file, this.#gathered.subarray(0, this.#length));
    this.#length = 0;
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#file);
  }
}

function openInPlace(target: string, found: Stats): number {
  // Opening a pipe waits for its reader for ever; this fails with ENXIO where there is none.
  const probe = found.isFIFO() ? openSync(target, O_WRONLY | O_NONBLOCK) : undefined;
  const file = openSync(target, O_WRONLY);
  try {
    if (probe !== undefined) closeSync(probe);
    noteChange(target);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Where a file is to be written: links are followed, also one to a file that is still to be made. */
function targetOf(path: string): { readonly target: string; readonly found: Stats | undefined } {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  const link = entry?.isSymbolicLink();
  const found = link ? statSync(path, { throwIfNoEntry: false }) : entry;
  if (found?.isSocket() || found?.isBlockDevice()) {
    throw new NotAFileError(
      `${path} is a ${found.isSocket() ? 'socket' : 'disk'}: expected the name of a file`,
    );
  }
  if (found?.isDirectory()) {
    throw Object.assign(new Error(`EISDIR: is a folder, '${path}'`), { code: 'EISDIR' });
  }
  if (!link) return { target: path, found };
  return { target: found ? realpathSync(path) : resolve(dirname(path), readlinkSync(path)), found };
}

/** A new file beside `target` that no one else can have made, foreseen or linked elsewhere. */
export function createTemporary(
  target: string,
  mode = 0o600,
): { readonly path: string; readonly file: number } {
  const name = `${basename(target).slice(0, NAME_CHARACTERS)}.${randomBytes(8).toString('hex')}.partial`;
  const path = join(dirname(target), name);
  return { path, file: openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode) };
}

/** Whether a name is that of a file which was, or is, being written. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Removes temporary files that killed processes have left in a folder: those of `names` at once, because only the
 * caller writes these; others may be another process's at work, unless they are old. Failure is harmless.
 */
export function removeStaleTemporaries(folder: string, names: readonly string[]): void {
  const prefixes = names.map((name) => basename(name).slice(0, NAME_CHARACTERS));
  try {
    for (const name of readdirSync(folder)) {
      const of = TEMPORARY.exec(name)?.[1];
      if (of === undefined) continue;
      const path = join(folder, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (!found?.isFile()) continue;
      if (prefixes.includes(of) || Date.now() - found.mtimeMs > ABANDONED_MS) removeQuietly(path);
    }
  } catch {} // They take room and do no other harm.
}

/**
 * Makes a folder and those above it that are missing, durably.
 * @returns those that were made, the outermost first, for `removeFolders`. On failure none of them is left.
 */
export function makeFolder(path: string): readonly string[] {
  const missing: string[] = [];
  for (let at = path; !isFolder(at); at = dirname(at)) {
    missing.unshift(at);
    if (dirname(at) === at) break;
  }
  const made: string[] = [];
  try {
    for (const folder of missing) {
      try {
        mkdirSync(folder);
        made.push(folder);
        noteChange(folder);
        syncFolder(dirname(folder));
      } catch (error) {
        // Another process may have made it meanwhile; a file in its place is an error.
        if (systemCode(error) !== 'EEXIST' || !isFolder(folder)) throw naming(folder, error);
      }
    }
  } catch (error) {
    removeFolders(made);
    throw error;
  }
  return made;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Removes folders that `makeFolder` made, as far as they are empty. */
export function removeFolders(made: readonly string[]): void {
  for (const folder of [...made].reverse()) {
    try {
      rmdirSync(folder);
      noteUndone(folder);
    } catch {
      return; // Something is in it.
    }
  }
}

/** A file that only grows, such as a log. */
export class AppendFile {
  readonly path: string;
  readonly #file: number;
  #bytes: number;

  private constructor(path: string, file: number, bytes: number) {
    this.path = path;
    this.#file = file;
    this.#bytes = bytes;
  }

  /**
   * Opens the file, made where it is missing, and cuts it to `keepBytes`. What is left ends with a whole line: an end of
   * line is added where there is none.
   * @throws NotAFileError, the system's errors
   */
  static open(path: string, keepBytes: number): AppendFile {
    let file: number | undefined;
    try {
      const isNew = !statSync(path, { throwIfNoEntry: false });
      file = openSync(path, O_RDWR | O_CREAT | O_NONBLOCK, 0o666);
      const found = fstatSync(file);
      if (!found.isFile()) throw new NotAFileError(`${path} is not a regular file: move it away`);
      const bytes = Math.min(found.size, keepBytes);
      if (isNew || found.size > bytes) noteChange(path);
      if (found.size > bytes) ftruncateSync(file, bytes);
      const opened = new AppendFile(path, file, bytes);
      if (!opened.#endsWithLine()) opened.append('\n');
      if (isNew) syncFolder(dirname(resolve(path)));
      return opened;
    } catch (error) {
      if (file !== undefined) closeSync(file);
      throw naming(path, error);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    try {
      writeAll(this.#file, bytes, this.#bytes);
      this.#bytes += bytes.length;
      noteChange(this.path);
    } catch (error) {
      throw naming(this.path, error);
    }
  }

  /** What was appended survives a power failure. */
  sync(): void {
    try {
      syncFile(this.#file);
    } catch (error) {
      throw naming(this.path, error);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #endsWithLine(): boolean {
    const last = new Uint8Array(1);
    return this.#bytes === 0 || (readSync(this.#file, last, 0, 1, this.#bytes - 1) === 1 && last[0] === 0x0a);
  }
}

/** The error, with the file it is about: a failed write names none, a failed open that of a temporary file. */
export function naming(path: string, error: unknown): unknown {
  return systemCode(error) === undefined ? error : Object.assign(error as Error, { path });
}

/** Writes all bytes. @param at where in the file; undefined: where the last write ended. */
export function writeAll(file: number, bytes: Uint8Array, at?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const position = at === undefined ? null : at + done;
    const count = writeSync(file, bytes, done, bytes.length - done, position);
    if (count === 0) {
      throw Object.assign(new Error('EIO: the system wrote nothing, write'), {
        code: 'EIO',
        syscall: 'write',
      });
    }
    done += count;
  }
}

/** Makes what was written durable, as far as the file system can. */
function syncFile(file: number): void {
  try {
    fsyncSync(file);
  } catch (error) {
    if (!isUnsupportedSync(error)) throw error;
  }
}

/** Makes a rename or a new file durable. Windows has no such thing, and needs none. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  let folder: number | undefined;
  try {
    folder = openSync(path, 'r');
    fsyncSync(folder);
  } catch (error) {
    if (!isUnsupportedSync(error)) throw naming(path, error);
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}

/**
 * File systems that cannot sync a file or folder answer EINVAL (Samba, some FUSE), ENOTSUP, or refuse to open a folder
 * or to sync it (EPERM, EACCES): their files are as durable as they get. EIO and ENOSPC are failures.
 */
function isUnsupportedSync(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  const isSync = syscall === 'fsync';
  const isRefused = ['EPERM', 'EACCES'].includes(systemCode(error) ?? '');
  return isSync ? isUnsupported(error) || isRefused : syscall === 'open' && isRefused;
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {} // The error that led here matters more.
}
