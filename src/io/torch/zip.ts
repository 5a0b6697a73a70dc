import { inflateRawSync } from 'node:zlib';
import yauzl, { type Entry } from 'yauzl';
import { crc32 } from './crc32.ts';
import { quoted, type Refuse } from './error.ts';

/** The members of a zip file by their names. Nothing is unpacked before it is asked for, and never to disk. */
export interface ZipMembers {
  readonly names: readonly string[];
  /** Size of a member once unpacked, as declared; `read` holds the file to it. */
  readonly sizeOf: (name: string) => number | undefined;
  /** A member's bytes; a view of the file where it is stored, not deflated. The name must be one of `names`. */
  readonly read: (name: string) => Uint8Array;
}

interface Member {
  readonly entry: Entry;
  readonly dataStart: number;
}

const STORED = 0;
const DEFLATED = 8;
const MAX_MEMBERS = 100_000;
/** Weights hardly shrink: whatever claims to grow by more than this is a bomb. */
const MAX_GROWTH = 10;
const FREE_GROWTH_BYTES = 64 * 2 ** 20;

/**
 * Reads the directory of a zip file from outside, with yauzl, which bounds every offset by the file and refuses names
 * that are absolute or climb (`..`). On top of that: no name twice, no encryption, only stored and deflated members, and
 * sizes that cannot be true are refused before anything is unpacked.
 */
export async function openZip(bytes: Uint8Array, refuse: Refuse): Promise<ZipMembers> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const members = await directoryOf(file).catch((error: Error) =>
    refuse(`damaged zip: ${printable(error.message)}`),
  );
  let [packed, unpacked] = [0, 0];
  const byName = new Map<string, Member>();
  for (const { entry, dataStart } of members) {
    const name = quoted(entry.fileName);
    if (byName.has(entry.fileName)) refuse(`damaged zip: it holds ${name} twice`);
    if (entry.isEncrypted()) refuse(`${name} is encrypted`);
    const { compressionMethod: method } = entry;
    if (method !== STORED && method !== DEFLATED)
      refuse(`${name} is packed by method ${method}: only stored and deflated are read`);
    packed += entry.compressedSize;
    unpacked += entry.uncompressedSize;
    byName.set(entry.fileName, { entry, dataStart });
  }
  if (packed > file.length)
    refuse(`damaged zip: its members take ${packed} bytes, the file has ${file.length}`);
  if (unpacked > FREE_GROWTH_BYTES + MAX_GROWTH * file.length) {
    refuse(`${file.length} bytes claim to hold ${unpacked}: that is no file of weights`);
  }
  return {
    names: [...byName.keys()],
    sizeOf: (name) => byName.get(name)?.entry.uncompressedSize,
    read: (name) => unpack(file, byName.get(name)!, refuse),
  };
}

function unpack(file: Buffer, { entry, dataStart }: Member, refuse: Refuse): Uint8Array {
  const packed = file.subarray(dataStart, dataStart + entry.compressedSize);
  const name = quoted(entry.fileName);
  let content: Uint8Array = packed;
  if (entry.compressionMethod === DEFLATED) {
    try {
      content = inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.uncompressedSize) });
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

async function directoryOf(file: Buffer): Promise<Member[]> {
  const zip = await yauzl.fromBufferPromise(file, { lazyEntries: true, strictFileNames: true });
  const members: Member[] = [];
  for await (const entry of zip.eachEntry()) {
    if (members.length === MAX_MEMBERS) throw new Error(`more than ${MAX_MEMBERS} members`);
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    members.push({ entry, dataStart: fileDataStart });
  }
  return members;
}

/** Messages of a library may quote the file. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200);
}
