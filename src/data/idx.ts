import { counted } from '../tensor/counted.ts';
import { type ByteDataset, DataError, type NamedFiles } from './dataset.ts';

const MAGIC = { images: 0x803, labels: 0x801 } as const;

/** The four files of a data set, without `.gz`. */
export const IDX_FILES = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
} as const;

/** Sizes and bytes of an IDX file. Format: http://yann.lecun.com/exdb/mnist (big-endian; unsigned bytes). */
export interface IdxContent {
  readonly sizes: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * Parses an IDX file. @param source name of the file in messages. @throws DataError if the magic number or the
 * length is wrong.
 */
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

/** Training and test images. */
export type IdxSplits = Readonly<Record<'train' | 'test', ByteDataset>>;

/** What messages and data sets call it. */
export interface IdxDescription {
  readonly name: string;
  /** Location of the files, for messages. */
  readonly place: string;
  /** Default: the labels as numbers. */
  readonly classNames?: readonly string[] | undefined;
}

/** The training and test sets from the four files. @throws DataError if the files are inconsistent. */
export function readIdx(files: NamedFiles, { name, place, classNames }: IdxDescription): IdxSplits {
  const read = (file: string, kind: keyof typeof MAGIC) => {
    const { source, bytes } = files(file);
    return { source, ...parseIdx(bytes, kind, source) };
  };
  const sets = (['train', 'test'] as const).map((set) => ({
    images: read(IDX_FILES[set].images, 'images'),
    labels: read(IDX_FILES[set].labels, 'labels'),
  }));
  const greatest = sets.reduce((most, { labels }) => labels.bytes.reduce((a, b) => Math.max(a, b), most), 0);
  const names = classNames ?? Array.from({ length: greatest + 1 }, (_, i) => `${i}`);
  const [train, test] = sets.map(({ images, labels }): ByteDataset => {
    const [count, height, width] = images.sizes as [number, number, number];
    if (count !== labels.bytes.length) {
      throw new DataError(
        `${labels.source} has ${counted(labels.bytes.length, 'label')} for the ${counted(count, 'image')} beside it`,
      );
    }
    if (count === 0) throw new DataError(`${images.source} has no images`);
    if (height * width === 0) {
      throw new DataError(`${images.source} has images of ${height}×${width}: expected pixels`);
    }
    const wrong = labels.bytes.findIndex((label) => label >= names.length);
    if (wrong >= 0) {
      throw new DataError(
        `${labels.source}: label ${labels.bytes[wrong]} of image ${wrong} is beyond the ${counted(names.length, 'class', 'classes')}`,
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
      `${place}: training images are ${train.height}×${train.width}, test images ${test.height}×${test.width}`,
    );
  }
  return { train, test };
}
