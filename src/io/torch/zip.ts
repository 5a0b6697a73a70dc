import { quoted } from '../quoted.ts';
import { crc32 } from './crc32.ts';
import type { Refuse } from './error.ts';

/** The members of a zip file by name. They are unpacked on demand, into memory. */
export interface ZipMembers {
  readonly names: readonly string[];
  /** Declared unpacked size of a member in bytes, which `read` checks. */
  readonly sizeOf: (name: string) => number | undefined;
  /** The bytes of a member; a view of the file if it is not compressed. The name must be one of `names`. */
  readonly read: (name: string) => Uint8Array;
}

/** An entry in the directory of a zip file. */
export interface ZipEntry {
  readonly fileName: string;
  readonly isEncrypted: boolean;
  readonly compressionMethod: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly crc32: number;
  /** Offset of its data in the file. */
  readonly dataStart: number;
}

/** The platform's reader of zip files. */
export interface ZipReader {
  /**
   * The directory of a file. All offsets are within the file, and no name is absolute or contains `..`.
   * @throws if it is damaged, or has more than `most` members.
   */
  entriesOf(file: Uint8Array, most: number): Promise<readonly ZipEntry[]>;
  /** Inflates a compressed member. @throws if it is damaged, or larger than `mostBytes`. */
  inflate(packed: Uint8Array, mostBytes: number): Uint8Array;
}

const STORED = 0;
const DEFLATED = 8;
const MAX_MEMBERS = 100_000;
/** Weights are barely compressible; a file that expands by more than this factor is rejected as a zip bomb. */
const MAX_GROWTH = 10;
const FREE_GROWTH_BYTES = 64 * 2 ** 20;

/**
 * Opens an untrusted zip file. In addition to the checks of the reader, rejects duplicate names, encryption,
 * compression methods other than stored and deflate, and impossible sizes, before unpacking.
 */
export async function openZip(file: Uint8Array, reader: ZipReader, refuse: Refuse): Promise<ZipMembers> {
  const entries = await reader
    .entriesOf(file, MAX_MEMBERS)
    .catch((error: Error) => refuse(`damaged zip: ${printable(error.message)}`));
  let [packed, unpacked] = [0, 0];
  const byName = new Map<string, ZipEntry>();
  for (const entry of entries) {
    const name = quoted(entry.fileName);
    if (byName.has(entry.fileName)) refuse(`damaged zip: it holds ${name} twice`);
    if (entry.isEncrypted) refuse(`${name} is encrypted`);
    const { compressionMethod: method } = entry;
    if (method !== STORED && method !== DEFLATED)
      refuse(`${name} is packed by method ${method}: only stored and deflated are read`);
    packed += entry.compressedSize;
    unpacked += entry.uncompressedSize;
    byName.set(entry.fileName, entry);
  }
  if (packed > file.length)
    refuse(`damaged zip: its members take ${packed} bytes, the file has ${file.length}`);
  if (unpacked > FREE_GROWTH_BYTES + MAX_GROWTH * file.length) {
    refuse(`${file.length} bytes claim to hold ${unpacked}: that is no file of weights`);
  }
  return {
    names: [...byName.keys()],
    sizeOf: (name) => byName.get(name)?.uncompressedSize,
    read: (name) => unpack(file, byName.get(name)!, reader, refuse),
  };
}

function unpack(file: Uint8Array, entry: ZipEntry, reader: ZipReader, refuse: Refuse): Uint8Array {
  const packed = file.subarray(entry.dataStart, entry.dataStart + entry.compressedSize);
  const name = quoted(entry.fileName);
  let content: Uint8Array = packed;
  if (entry.compressionMethod === DEFLATED) {
    try {
      content = reader.inflate(packed, Math.max(1, entry.uncompressedSize));
    } catch {
      refuse(
        `${name} does not unpack to the ${entry.uncompressedSize} bytes it declares: the file is damaged`,
      );
    }
  }
  if (content.length !== entry.uncompressedSize)
    refuse(`${name} has ${content.length} bytes, not the ${entry.uncompressedSize} it declares`);
  if (crc32(content) !== entry.crc32)
    refuse(`${name} has another checksum than it should: the file is damaged`);
  return content;
}

/** Replaces control characters in a library's message, which may quote the file. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200);
}
