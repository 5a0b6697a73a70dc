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
/** Not available on Windows. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

/** `NAME.0123456789abcdef.partial`; earlier versions used the process id. */
const TEMPORARY = /^(.+)\.(?:[0-9a-f]{16}|\d+)\.partial$/;
/** Truncates names, because file names have at most 255 bytes. */
const NAME_CHARACTERS = 64;
/** Chunks are combined into writes of this size, to save system calls for small tensors. */
const WRITE_BYTES = 2 ** 18;
/** Age after which a temporary file counts as abandoned. */
const ABANDONED_MS = 3_600_000;

/** The path of a file is something else: a socket, a disk. */
export class NotAFileError extends InputError {
  override readonly name = 'NotAFileError';
}

/**
 * Writes a file atomically and durably: readers, also after a power failure, see either the old or the new
 * content. Uses a temporary file, fsync, rename, and fsync of the folder. On failure (full disk) the old file
 * remains. Symbolic links are followed, and pipes and devices such as /dev/stdout are written to; they are not
 * replaced.
 * @throws NotAFileError if the path is a socket or a disk; system errors with `path`.
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

/** As `writeFileAtomic`, for an async iterable; if it rejects, the old file remains. */
export async function writeStreamAtomic(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const written = AtomicFile.open(path);
  try {
    for await (const chunk of chunks) written.write(chunk);
    written.commit();
  } catch (error) {
    throw written.abandon(error);
  }
}

/** A file that is being written. The caller must end it with `commit` or, on failure, with `abandon`. */
class AtomicFile {
  readonly #path: string;
  readonly #target: string;
  readonly #file: number;
  /** Path of the temporary file. Undefined for pipes and devices, and after the rename. */
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

  /** Removes the temporary file. @returns the given error, with the path of the file. */
  abandon(error: unknown): unknown {
    try {
      this.#close();
    } catch {} // The original error is more important.
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
  // Opening a pipe blocks until it has a reader; this fails with ENXIO if there is none.
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

/** The path to write to: links are followed, including links to files that do not exist. */
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

/**
 * Creates a temporary file in the folder of `target`, with a random name, and fails if it exists (no link is
 * followed).
 */
export function createTemporary(
  target: string,
  mode = 0o600,
): { readonly path: string; readonly file: number } {
  const name = `${basename(target).slice(0, NAME_CHARACTERS)}.${randomBytes(8).toString('hex')}.partial`;
  const path = join(dirname(target), name);
  return { path, file: openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode) };
}

/** Whether a name is that of a temporary file. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Removes temporary files of killed processes from a folder: those of `names` immediately, because only the caller
 * writes these; others only if they are old, because another process may be writing them. Errors are ignored.
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
  } catch {} // They only take space.
}

/**
 * Creates a folder and its missing parents, durably.
 * @returns the created folders, outermost first, for `removeFolders`. On failure they are removed.
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
        // Another process may have created it concurrently; a file with this name is an error.
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

/** Removes folders created by `makeFolder`, if they are empty. */
export function removeFolders(made: readonly string[]): void {
  for (const folder of [...made].reverse()) {
    try {
      rmdirSync(folder);
      noteUndone(folder);
    } catch {
      return; // It is not empty.
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
   * Opens or creates the file and truncates it to `keepBytes`. Appends a line end if the rest does not have one.
   * @throws NotAFileError, system errors
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

  /** Makes appended data durable (fsync). */
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

/** Adds the path to a system error: a failed write has none, a failed open has that of the temporary file. */
export function naming(path: string, error: unknown): unknown {
  return systemCode(error) === undefined ? error : Object.assign(error as Error, { path });
}

/** Writes all bytes. @param at offset in the file; undefined: the current position. */
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

/** Makes written data durable, if the file system supports it. */
function syncFile(file: number): void {
  try {
    fsyncSync(file);
  } catch (error) {
    if (!isUnsupportedSync(error)) throw error;
  }
}

/** Makes a rename or a new file durable. Not possible and not needed on Windows. */
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
 * Whether an error means that the file system cannot sync: EINVAL (Samba, some FUSE), ENOTSUP, or, for folders,
 * EPERM or EACCES. These are ignored. EIO and ENOSPC are failures.
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
  } catch {} // The original error is more important.
}
