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

/** The bytes of a file received so far, over all attempts. */
export interface Receiver {
  readonly sizeBytes: number;
  append(chunk: Uint8Array): void;
  /** Discards all bytes, to restart the download. */
  restart(): void;
}

/** Receives into memory. */
export class MemoryReceiver implements Receiver {
  /** Grows by doubling. A list of chunks would need far more memory than the file if chunks are small. */
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
 * Receives into a file with a fixed name, so another process can continue after this one. The caller must hold the
 * lock of the folder. The contents are only verified by the hash of the whole file.
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

  /** Opens or creates the file. @throws NotAFileError, system errors */
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

  /** Renames the complete file to its final name. */
  finish(target: string): void {
    this.close();
    renameSync(this.path, target);
  }

  /** Closes the file and keeps it for resuming. */
  close(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }

  discard(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}

/** SHA-256 of an open file in hexadecimal, read in chunks. */
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
