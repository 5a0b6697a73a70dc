import { decodeLatin1 } from '../io/latin1.ts';
import { DataError } from './dataset.ts';

const BLOCK = 512;

/**
 * The files of a tar archive by name (POSIX.1-1988 ustar; other kinds of entries are skipped).
 * @param source name of the archive in messages. @throws DataError if it is truncated or not a tar archive.
 */
export function readTar(bytes: Uint8Array, source: string): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (from: number, length: number) =>
    decodeLatin1(bytes.subarray(from, from + length)).replace(/\0.*$/s, '');
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    if (!text(at + 257, 5).startsWith('ustar') || !(size >= 0)) {
      throw new DataError(`${source}: not a tar archive: byte ${at} begins no entry`);
    }
    const start = at + BLOCK;
    if (start + size > bytes.length) throw new DataError(`${source}: truncated within ${text(at, 100)}`);
    const type = text(at + 156, 1);
    if (type === '0' || type === '') files.set(text(at, 100), bytes.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
