import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { counted } from '../tensor/counted.ts';
import { type ByteDataset, DataError } from './dataset.ts';

/** More than any IDX data set; a gzip bomb is refused here. */
const MAX_BYTES = 2 ** 30;
/** Checksum and length. */
const GZIP_TRAILER_BYTES = 8;
const LEAST_CHUNK_BYTES = 2 ** 14;
/** Deflate's: 258 bytes from two bits. */
const GREATEST_RATIO = 1032;
const MAGIC = { images: 0x803, labels: 0x801 } as const;

/** The four files of a data set, without `.gz`. */
export const IDX_FILES = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
} as const;

/** An IDX file's sizes and bytes. Format: http://yann.lecun.com/exdb/mnist (big-endian; unsigned bytes). */
export interface IdxContent {
  readonly sizes: readonly number[];
  readonly bytes: Uint8Array;
}

/** @throws DataError when magic number or length is wrong. `source` is the file's name in messages. */
export function parseIdx(bytes: Uint8Array, kind: keyof typeof MAGIC, source: string): IdxContent {
  const axes = kind === 'images' ? 3 : 1;
  const headerBytes = 4 + 4 * axes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length < 4 ? MAGIC[kind] : view.getUint32(0);
  if (magic !== MAGIC[kind]) {
    throw new DataError(
      `${source}: not an IDX file of ${kind}: it begins with 0x${magic.toString(16)}, not 0x${MAGIC[kind].toString(16)}`,
    );
  }
  if (bytes.length < headerBytes) {
    throw new DataError(
      `${source}: truncated: an IDX header has ${headerBytes} bytes, the file ${bytes.length}`,
    );
  }
  const sizes = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const wanted = headerBytes + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== wanted) {
    const wrong = bytes.length < wanted ? 'truncated' : 'too long';
    throw new DataError(
      `${source}: ${wrong}: ${sizes.join('×')} ${kind} need ${wanted} bytes, there are ${bytes.length}`,
    );
  }
  return { sizes, bytes: bytes.subarray(headerBytes) };
}

/** Reads FILE or FILE.gz. @throws DataError */
export function readIdxFile(path: string, kind: keyof typeof MAGIC, read = readPlainOrGzip): IdxContent {
  return parseIdx(read(path), kind, path);
}

/** The file's content, unpacked; undefined where neither FILE nor FILE.gz exists. @throws DataError */
export function readPlainOrGzip(path: string): Uint8Array {
  const packed = `${path}.gz`;
  if (isFile(path)) return readFileSync(path);
  if (!isFile(packed)) throw new DataError(`${path}(.gz) does not exist`);
  return unpack(readFileSync(packed), packed);
}

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

export function hasIdxFiles(folder: string): boolean {
  return Object.values(IDX_FILES)
    .flatMap((files) => Object.values(files))
    .every((name) => isFile(join(folder, name)) || isFile(join(folder, `${name}.gz`)));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

type Halves = Readonly<Record<'train' | 'test', ByteDataset>>;

/**
 * The two halves of a data set from its four files.
 * @param read gives a file's content, unpacked, and may refuse it.
 * @throws DataError when they do not fit together.
 */
export function readIdxFolder(
  folder: string,
  name: string,
  classNames?: readonly string[],
  read = readPlainOrGzip,
): Halves {
  const halves = (['train', 'test'] as const).map((half) => {
    const paths = {
      images: join(folder, IDX_FILES[half].images),
      labels: join(folder, IDX_FILES[half].labels),
    };
    return {
      paths,
      images: readIdxFile(paths.images, 'images', read),
      labels: readIdxFile(paths.labels, 'labels', read),
    };
  });
  const greatest = halves.reduce(
    (most, { labels }) => labels.bytes.reduce((a, b) => Math.max(a, b), most),
    0,
  );
  const names = classNames ?? Array.from({ length: greatest + 1 }, (_, i) => `${i}`);
  const [train, test] = halves.map(({ paths, images, labels }): ByteDataset => {
    const [count, height, width] = images.sizes as [number, number, number];
    if (count !== labels.bytes.length) {
      throw new DataError(
        `${paths.labels} has ${counted(labels.bytes.length, 'label')} for the ${counted(count, 'image')} beside it`,
      );
    }
    if (count === 0) throw new DataError(`${paths.images} has no images`);
    const wrong = labels.bytes.findIndex((label) => label >= names.length);
    if (wrong >= 0) {
      throw new DataError(
        `${paths.labels}: label ${labels.bytes[wrong]} of image ${wrong} is beyond the ${counted(names.length, 'class', 'classes')}`,
      );
    }
    return {
      name,
      count,
      height,
      width,
      channels: 1,
      pixels: images.bytes,
      labels: labels.bytes,
      classNames: names,
    };
  }) as [ByteDataset, ByteDataset];
  if (train.height !== test.height || train.width !== test.width) {
    throw new DataError(
      `${folder}: training images are ${train.height}×${train.width}, test images ${test.height}×${test.width}`,
    );
  }
  return { train, test };
}
