import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { NotAFileError, naming, writeAll } from '../files.ts';
import { systemCode } from '../system-error.ts';

/** What has been received of a file so far, over all attempts. */
export interface Receiver {
  readonly sizeBytes: number;
  append(chunk: Uint8Array): void;
  /** Forgets it all: the file is begun anew. */
  restart(): void;
}

/** Receives into memory. */
export class MemoryReceiver implements Receiver {
  /** Grows by doubling: a list of chunks would take far more memory than the file if each had one byte. */
  #buffer = new Uint8Array(2 ** 16);
  sizeBytes = 0;

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.sizeBytes);
  }

  append(chunk: Uint8Array): void {
    const end = this.sizeBytes + chunk.length;
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#buffer.length));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.sizeBytes);
    this.sizeBytes = end;
  }

  restart(): void {
    this.sizeBytes = 0;
  }
}

const READ_BYTES = 2 ** 20;

/**
 * Receives into a file of a fixed name, where another process goes on when this one has ended: who opens one has the
 * folder for itself. Nothing vouches for what is in it but the hash of the whole.
 */
export class FileReceiver implements Receiver {
  readonly path: string;
  readonly #file: number;
  sizeBytes: number;
  #isOpen = true;

  private constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
    this.sizeBytes = fstatSync(file).size;
  }

  /** Opens the file, made where it is missing. @throws NotAFileError, the system's errors */
  static open(path: string): FileReceiver {
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    let file: number | undefined;
    try {
      file = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666);
      if (!fstatSync(file).isFile()) throw new NotAFileError(`${path} is not a regular file: remove it`);
      return new FileReceiver(path, file);
    } catch (error) {
      if (file !== undefined) closeSync(file);
      if (systemCode(error) === 'ELOOP') throw new NotAFileError(`${path} is a symbolic link: remove it`);
      throw naming(path, error);
    }
  }

  append(chunk: Uint8Array): void {
    try {
      writeAll(this.#file, chunk, this.sizeBytes);
      this.sizeBytes += chunk.length;
    } catch (error) {
      throw naming(this.path, error);
    }
  }

  restart(): void {
    ftruncateSync(this.#file, 0);
    this.sizeBytes = 0;
  }

  sha256(): string {
    return sha256OfFile(this.#file);
  }

  /** The file is whole: it gets its name. */
  finish(target: string): void {
    this.close();
    renameSync(this.path, target);
  }

  /** The file is kept, to go on with. */
  close(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }

  discard(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}

/** SHA-256 of an open file, as hex, a piece at a time. */
export function sha256OfFile(file: number): string {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(READ_BYTES);
  for (let at = 0; ; ) {
    const count = readSync(file, buffer, 0, buffer.length, at);
    if (count === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, count));
    at += count;
  }
}
