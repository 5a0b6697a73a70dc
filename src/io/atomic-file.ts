import {
  appendFileSync,
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const TEMPORARY = /\.\d+\.partial$/;

/**
 * Writes a file so that a reader, or a machine that loses power, sees the old content or the new and nothing else:
 * temporary file, fsync, rename, fsync of the directory. On failure (a full disk) the old file is left as it was.
 */
export function writeFileAtomic(path: string, chunks: Iterable<Uint8Array> | string): void {
  const temporary = `${path}.${process.pid}.partial`;
  const parts = typeof chunks === 'string' ? [Buffer.from(chunks)] : chunks;
  try {
    const file = openSync(temporary, 'w');
    try {
      for (const part of parts) writeAll(file, part);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw naming(path, error);
  }
  syncDirectory(dirname(path));
}

/** Appends to a file; a failure names it. */
export function appendToFile(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch (error) {
    throw naming(path, error);
  }
}

/** The error, with the file it is about: a failed write names none, a failed open that of a temporary file. */
export function naming(path: string, error: unknown): Error {
  return Object.assign(error as Error, { path });
}

/** Removes what a process that was killed left behind. The caller owns the directory. */
export function removeStaleTemporaries(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (TEMPORARY.test(name)) rmSync(join(directory, name), { force: true });
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Makes a rename durable. Windows has no such thing, and needs none. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
