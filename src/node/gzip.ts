import { gunzipSync } from 'node:zlib';
import { DataError } from '../data/dataset.ts';

/** More than any data set's file; a gzip bomb is refused here. */
const MAX_BYTES = 2 ** 30;
/** Checksum and length. */
const GZIP_TRAILER_BYTES = 8;
const LEAST_CHUNK_BYTES = 2 ** 14;
/** Deflate's: 258 bytes from two bits. */
const GREATEST_RATIO = 1032;

/**
 * Into one array of the size that the file claims for itself: nothing is put together from pieces.
 * @throws DataError when the gzip stream is damaged, truncated or unpacks to more than `maxBytes` (1 GiB).
 */
export function unpack(bytes: Uint8Array, source: string, maxBytes = MAX_BYTES): Uint8Array {
  try {
    return gunzipSync(bytes, {
      maxOutputLength: maxBytes,
      chunkSize: claimedBytes(bytes, maxBytes) + GZIP_TRAILER_BYTES,
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ERR_BUFFER_TOO_LARGE' ? `it has more than ${maxBytes} bytes` : message;
    throw new DataError(`${source}: cannot be unpacked as gzip: ${reason}`);
  }
}

/** The length at the end of a gzip file (RFC 1952), as far as it can be true. */
function claimedBytes(packed: Uint8Array, maxBytes: number): number {
  if (packed.length < GZIP_TRAILER_BYTES) return LEAST_CHUNK_BYTES;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const claimed = view.getUint32(packed.length - 4, true);
  return Math.max(LEAST_CHUNK_BYTES, Math.min(claimed, packed.length * GREATEST_RATIO, maxBytes));
}
