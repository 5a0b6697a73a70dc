import type { PlacedFile } from 'densor/browser';
import { Unzip, UnzipInflate } from 'fflate';
import { isImageName } from './image-name.ts';

/** What is wrong with a zip, as a key of the texts. */
export class ZipError extends Error {
  readonly reason: 'zipTooLarge' | 'zipTooMany' | 'zipBroken';
  constructor(reason: ZipError['reason']) {
    super(reason);
    this.reason = reason;
  }
}

const MOST_BYTES = 2 ** 30;
const MOST_FILES = 50_000;
const LARGEST_FILE = 64 * 2 ** 20;
const PIECE = 2 ** 20;

/**
 * Unpacks the image files of a zip. Bytes are counted as they come, whatever the zip says of them: a small zip cannot fill
 * the memory. @throws ZipError
 */
export async function readZip(zip: Blob): Promise<readonly PlacedFile[]> {
  const files: PlacedFile[] = [];
  let [bytes, count] = [0, 0];
  let failure: ZipError | undefined;
  const fail = (reason: ZipError['reason']) => {
    failure ??= new ZipError(reason);
  };
  const unzip = new Unzip((file) => {
    if (++count > MOST_FILES) return fail('zipTooMany');
    if (!isImageName(file.name)) return;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    file.ondata = (error, piece, isLast) => {
      if (failure) return file.terminate();
      if (error) return fail('zipBroken');
      bytes += piece.length;
      length += piece.length;
      if (bytes > MOST_BYTES || length > LARGEST_FILE) {
        fail('zipTooLarge');
        return file.terminate();
      }
      pieces.push(piece as Uint8Array<ArrayBuffer>);
      if (isLast) files.push({ path: file.name, file: new Blob(pieces) });
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  try {
    for (let at = 0; at < zip.size && !failure; at += PIECE) {
      const piece = new Uint8Array(await zip.slice(at, at + PIECE).arrayBuffer());
      unzip.push(piece, at + PIECE >= zip.size);
    }
  } catch {
    fail('zipBroken');
  }
  if (failure) throw failure;
  if (count === 0) throw new ZipError('zipBroken');
  return files;
}
