import { DataError, type TrainTest } from '../../data/dataset.ts';
import { DEFAULT_TEST_SHARE } from '../../data/dataset-names.ts';
import type { ImageDecoder } from '../../data/image.ts';
import type { ImageFiles } from '../../data/image-folder/classes.ts';
import { openImageFolder } from '../../data/image-folder/open.ts';
import { PAGE_DECODER } from './decoder.ts';

/** An image file and its place: `CLASS/file`, or `train/CLASS/file` and `test/CLASS/file`. */
export interface PlacedFile {
  readonly path: string;
  readonly file: Blob;
}

/** How `openFiles` reads images. */
export interface FilesOptions {
  /** Height and width in pixels. Default: as suits the pictures. */
  readonly size?: number | undefined;
  /** 1 or 3. Default: 1 when all images are grey. */
  readonly channels?: number | undefined;
  /** Fraction of each class used for testing if the files are not split already. Default: 0.2. */
  readonly testShare?: number | undefined;
  readonly seed?: number | undefined;
  /** The name of the data in the run. Default: `folder:images`. */
  readonly name?: string | undefined;
  readonly decoder?: ImageDecoder | undefined;
  /** Called for each file that is read. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Told, in a line each, what is out of the ordinary. */
  readonly onNote?: ((text: string) => void) | undefined;
}

const MOST_FILES = 100_000;
const LARGEST_FILE = 64 * 2 ** 20;
const DECODING = { bytes: 128 * 2 ** 20, largestBytes: 1024 * 2 ** 20 };

/**
 * A data set of image files, split and in the order in which the command line reads a folder with files of these names.
 * Files that are no images are in `skipped`.
 * @throws DataError
 */
export async function openFiles(
  files: readonly PlacedFile[],
  options: FilesOptions = {},
): Promise<TrainTest> {
  const { name = 'folder:images', decoder = PAGE_DECODER, onProgress, onNote = () => {} } = options;
  const { size, channels, testShare = DEFAULT_TEST_SHARE, seed = 0 } = options;
  if (files.length > MOST_FILES) throw new DataError(`there are more than ${MOST_FILES} files`);
  const source = {
    ...{ folder: 'the images', files: imageFilesOf(files), decoder },
    fileStore: () => {
      throw new DataError('there is too little memory for the images');
    },
  };
  const reading = {
    ...(size !== undefined && { size }),
    ...(channels !== undefined && { channels }),
    ...{ testShare, seed, strict: false, memoryBytes: Number.POSITIVE_INFINITY, decoding: DECODING },
    scratch: () => '',
  };
  const progress = { note: onNote, bytes: () => {}, ...(onProgress && { images: onProgress }) };
  const opened = await openImageFolder(source, reading, progress);
  const { train, test, validation } = opened;
  return {
    ...opened,
    train: { ...train, name },
    test: { ...test, name },
    ...(validation && { validation: { ...validation, name } }),
  };
}

function imageFilesOf(files: readonly PlacedFile[]): ImageFiles {
  const byPath = new Map<string, Blob>();
  for (const { path, file } of files) {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..'))
      throw new DataError(`the path ${path} is none: expected CLASS/file`);
    if (!parts.some((part) => part.startsWith('.'))) byPath.set(path, file);
  }
  const paths = [...byPath.keys()].sort();
  const get = (path: string): Blob => {
    const file = byPath.get(path);
    if (!file) throw new DataError('does not exist');
    if (file.size > LARGEST_FILE) throw new DataError(`has more than ${LARGEST_FILE / 2 ** 20} MiB`);
    if (file.size === 0) throw new DataError('is empty');
    return file;
  };
  return {
    root: 'the images',
    pathOf: (path) => path || 'the images',
    folders(within) {
      const start = within === '' ? '' : `${within}/`;
      const inside = paths.filter((path) => path.startsWith(start)).map((path) => path.slice(start.length));
      return [...new Set(inside.filter((path) => path.includes('/')).map((path) => path.split('/')[0]!))];
    },
    below: (folder) => paths.filter((path) => path.startsWith(`${folder}/`)),
    sizeOf: async (path) => get(path).size,
    read: async (path) => new Uint8Array(await get(path).arrayBuffer()),
  };
}
