import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DataError, type TrainTest } from '../../data/dataset.ts';
import {
  DATASET_NAMES,
  DEFAULT_TEST_SHARE,
  FASHION_CLASSES,
  imageFolderOf,
  PROGRAM_DATA,
} from '../../data/dataset-names.ts';
import {
  type ImageFolderOptions,
  type ImageSource,
  openImageFolder,
  openTestFolder,
} from '../../data/image-folder/open.ts';
import type { DataProgress } from '../../data/progress.ts';
import { cacheFolder } from '../cache-folder.ts';
import { openCifar10 } from './cifar10-files.ts';
import { openFashionMnist } from './fashion-mnist.ts';
import { hasIdxFiles, readIdxFolder } from './idx-files.ts';
import { SHARP_DECODER } from './image-file.ts';
import { imageFilesIn } from './image-files.ts';
import { fileStore } from './pixel-file.ts';

/** Data sets that are looked for in `dataDir`. */
const SOUGHT = ['fashion-mnist', 'cifar10'];

/**
 * Opens a data set by name.
 * @param images how a folder of images is read; other data sets are what they are.
 * @throws DataError
 */
export async function openDataset(
  name: string,
  dataDir: string | undefined,
  progress: DataProgress,
  images: Partial<ImageFolderOptions> = {},
): Promise<TrainTest> {
  if (dataDir !== undefined && !SOUGHT.includes(name)) {
    throw new DataError(
      `\`dataDir\` is where ${SOUGHT.join(' and ')} are looked for: leave it out with ${name}`,
    );
  }
  if (name === 'fashion-mnist') return openFashionMnist(dataDir, progress);
  if (name === 'sample') return readIdxFolder(sampleFolder(), 'sample', FASHION_CLASSES);
  if (name === 'cifar10') return openCifar10(dataDir);
  const imageFolder = imageFolderOf(name);
  if (imageFolder !== undefined)
    return openImageFolder(sourceOf(imageFolder), withDefaults(images), progress);
  if (name.startsWith('idx:')) {
    const folder = name.slice('idx:'.length);
    if (!existsSync(folder)) throw new DataError(`${folder} does not exist`);
    if (!hasIdxFiles(folder)) {
      throw new DataError(
        `${folder} lacks one of train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-… (or .gz)`,
      );
    }
    return readIdxFolder(folder, name);
  }
  if (name === PROGRAM_DATA) {
    throw new DataError(
      'the run was trained on images that a program gave: name a place where they are with `data`, or go on in that program, by fit with `resume`',
    );
  }
  throw new DataError(`unknown data set ${name}: expected ${DATASET_NAMES.join(', ')}`);
}

/**
 * Opens the test half alone.
 * @param whole a folder of images without halves of its own is tested on as a whole.
 * @throws DataError
 */
export async function openTestSet(
  name: string,
  dataDir: string | undefined,
  progress: DataProgress,
  { whole = false, ...images }: Partial<ImageFolderOptions> & { readonly whole?: boolean } = {},
): Promise<Pick<TrainTest, 'test' | 'skipped'>> {
  const folder = imageFolderOf(name);
  if (folder === undefined || dataDir !== undefined) return openDataset(name, dataDir, progress, images);
  return openTestFolder(sourceOf(folder), { ...withDefaults(images), whole }, progress);
}

function sourceOf(folder: string): ImageSource {
  return { folder, files: imageFilesIn(folder), decoder: SHARP_DECODER, fileStore };
}

function withDefaults(images: Partial<ImageFolderOptions>): ImageFolderOptions {
  return {
    size: 224,
    testShare: DEFAULT_TEST_SHARE,
    seed: 0,
    strict: false,
    memoryBytes: imageMemoryBytes(),
    scratch: scratchFolder,
    ...images,
  };
}

/** A quarter of the memory there is, and no more than one array may have on every Node. */
function imageMemoryBytes(): number {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem() / 4, limit / 4, 2 ** 32 - 1);
}

/** The first 1,000 training and 200 test images of Fashion-MNIST, beside the sources and in the package. */
function sampleFolder(): string {
  const places = ['../../../sample', '../../../../sample'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((path) => existsSync(path));
  if (!found) throw new DataError('the sample images are missing from this installation');
  return found;
}

/** Where temporary files of pixels lie: on a disk, which a folder for temporary files may not be. */
export function scratchFolder(): string {
  return cacheFolder();
}
