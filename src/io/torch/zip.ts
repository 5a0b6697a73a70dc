import { quoted } from '../quoted.ts';
import { crc32 } from './crc32.ts';
import type { Refuse } from './error.ts';

/** The members of a zip file by their names. Nothing is unpacked before it is asked for, and never to disk. */
export interface ZipMembers {
  readonly names: readonly string[];
  /** Size of a member once unpacked, as declared; `read` holds the file to it. */
  readonly sizeOf: (name: string) => number | undefined;
  /** A member's bytes; a view of the file where it is stored, not deflated. The name must be one of `names`. */
  readonly read: (name: string) => Uint8Array;
}

/** A member as the directory of a zip file has it. */
export interface ZipEntry {
  readonly fileName: string;
  readonly isEncrypted: boolean;
  readonly compressionMethod: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly crc32: number;
  /** Where in the file its bytes begin. */
  readonly dataStart: number;
}

/** What reads zip files on the machine this runs on. */
export interface ZipReader {
  /**
   * The directory of a file, which bounds every offset by the file and has no names that are absolute or climb (`..`).
   * @throws where it is damaged, or has more members than `most`.
   */
  entriesOf(file: Uint8Array, most: number): Promise<readonly ZipEntry[]>;
  /** Unpacks a deflated member. @throws where it is damaged, or larger than `mostBytes`. */
  inflate(packed: Uint8Array, mostBytes: number): Uint8Array;
}

const STORED = 0;
const DEFLATED = 8;
const MAX_MEMBERS = 100_000;
/** Weights hardly shrink: whatever claims to grow by more than this is a bomb. */
const MAX_GROWTH = 10;
const FREE_GROWTH_BYTES = 64 * 2 ** 20;

/**
 * Reads the directory of a zip file from outside. On top of what the reader refuses: no name twice, no encryption, only
 * stored and deflated members, and sizes that cannot be true are refused before anything is unpacked.
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

/** Messages of a library may quote the file. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200);
}
