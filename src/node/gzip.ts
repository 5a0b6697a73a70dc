import { gunzipSync } from 'node:zlib';
import { DataError } from '../data/dataset.ts';

/** Limit on the unpacked size, against gzip bombs; more than any file of the data sets. */
const MAX_BYTES = 2 ** 30;
/** Size of the checksum and the length at the end of a gzip file. */
const GZIP_TRAILER_BYTES = 8;
const LEAST_CHUNK_BYTES = 2 ** 14;
/** The maximum compression ratio of deflate: 258 bytes per two bits. */
const GREATEST_RATIO = 1032;

/**
 * Unpacks a gzip file into one array, which is allocated with the declared size, to avoid concatenating chunks.
 * @throws DataError if the file is damaged, truncated or unpacks to more than `maxBytes` (default: 1 GiB).
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

/** The declared unpacked size at the end of a gzip file (RFC 1952), limited to possible values. */
function claimedBytes(packed: Uint8Array, maxBytes: number): number {
  if (packed.length < GZIP_TRAILER_BYTES) return LEAST_CHUNK_BYTES;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const claimed = view.getUint32(packed.length - 4, true);
  return Math.max(LEAST_CHUNK_BYTES, Math.min(claimed, packed.length * GREATEST_RATIO, maxBytes));
}
