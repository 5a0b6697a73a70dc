import { inflateRawSync } from 'node:zlib';
import yauzl from 'yauzl';
import type { ZipEntry, ZipReader } from '../io/torch/zip.ts';

/** Reads zip files with yauzl, which checks all offsets and rejects absolute names and names with `..`. */
export const ZIP_READER: ZipReader = {
  async entriesOf(file, most) {
    const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
    const zip = await yauzl.fromBufferPromise(buffer, { lazyEntries: true, strictFileNames: true });
    const entries: ZipEntry[] = [];
    for await (const entry of zip.eachEntry()) {
      if (entries.length === most) throw new Error(`more than ${most} members`);
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      const { fileName, compressionMethod, compressedSize, uncompressedSize, crc32 } = entry;
      const sizes = { compressedSize, uncompressedSize, crc32 };
      const isEncrypted = entry.isEncrypted();
      entries.push({ fileName, isEncrypted, compressionMethod, ...sizes, dataStart: fileDataStart });
    }
    return entries;
  },
  inflate: (packed, mostBytes) => inflateRawSync(packed, { maxOutputLength: mostBytes }),
};
