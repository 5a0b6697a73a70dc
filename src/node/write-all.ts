import { writeSync } from 'node:fs';

/** Writes all bytes to an open file. @throws where the file takes no more of them, instead of trying forever. */
export function writeAll(
  file: number,
  bytes: Uint8Array,
  write: (file: number, bytes: Uint8Array, from: number) => number = writeSync,
): void {
  for (let done = 0; done < bytes.length; ) {
    const written = write(file, bytes, done);
    if (written === 0) throw new Error(`nothing was written after ${done} of ${bytes.length} bytes`);
    done += written;
  }
}
