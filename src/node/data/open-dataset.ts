import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DataError, type Dataset, type TrainTest } from '../../data/dataset.ts';
import {
  DEFAULT_TEST_SHARE,
  FASHION_CLASSES,
  imageFolderOf,
  PROGRAM_DATA,
  unknownDataset,
} from '../../data/dataset-names.ts';
import {
  type ImageFolderOptions,
  type ImageSource,
  openImageFolder,
  openTestFolder,
} from '../../data/image-folder/open.ts';
import { typicalSide } from '../../data/image-folder/typical-side.ts';
import type { DataProgress } from '../../data/progress.ts';
import { counted } from '../../tensor/counted.ts';
import { cacheFolder } from '../cache-folder.ts';
import { openCifar10 } from './cifar10-files.ts';
import { openFashionMnist } from './fashion-mnist.ts';
import { readIdxFolder } from './idx-files.ts';
import { SHARP_DECODER } from './image-file.ts';
import { imageFilesIn } from './image-files.ts';
import { fileStore } from './pixel-file.ts';

/** Memory for concurrent decoding: usually enough for one photo per processor. Larger images are decoded alone. */
const DECODING_BYTES = 512 * 2 ** 20;

/** Options for reading a folder of images; all have defaults. */
export interface FolderOptions extends Partial<ImageFolderOptions> {
  /** Follow links out of the folder, and to folders. */
  readonly followLinks?: boolean;
}

/** Data sets that can be read from `dataDir`. */
const SOUGHT = ['fashion-mnist', 'cifar10'];

/**
 * Opens a data set by name.
 * @param images options for folders of images; ignored for other data sets.
 * @throws DataError
 */
export async function openDataset(
  name: string,
  dataDir: string | undefined,
  progress: DataProgress,
  images: FolderOptions = {},
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
    return openImageFolder(sourceOf(imageFolder, images), withDefaults(images), progress);
  if (name.startsWith('idx:')) {
    const data = readIdxFolder(name.slice('idx:'.length), name);
    noteEmptyClasses(data.train, progress);
    return data;
  }
  if (name === PROGRAM_DATA) {
    throw new DataError(
      'the run was trained on images that a program gave: name a place where they are with `data`, or go on in that program, by fit with `resume`',
    );
  }
  throw new DataError(`unknown data set ${name}: ${unknownDataset(name)}`);
}

/** Reports classes without images, such as class 0 if labels start at 1. */
function noteEmptyClasses({ name, labels, classNames }: Dataset, { note }: DataProgress): void {
  const seen = new Set(labels);
  const empty = classNames.filter((_, label) => !seen.has(label));
  if (empty.length === 0) return;
  const fromOne = empty.length === 1 && !seen.has(0);
  note(
    `warning: ${name}: of ${counted(classNames.length, 'class', 'classes')}, no training image has label ` +
      (fromOne ? '0: labels count from 1; subtract 1 to be rid of that class' : empty.join(', ')),
  );
}

/**
 * Opens only the test set.
 * @param whole for a folder of images without a predefined split, uses all images.
 * @throws DataError
 */
export async function openTestSet(
  name: string,
  dataDir: string | undefined,
  progress: DataProgress,
  { whole = false, ...images }: FolderOptions & { readonly whole?: boolean } = {},
): Promise<Pick<TrainTest, 'test' | 'skipped'>> {
  const folder = imageFolderOf(name);
  if (folder === undefined || dataDir !== undefined) return openDataset(name, dataDir, progress, images);
  return openTestFolder(sourceOf(folder, images), { ...withDefaults(images), whole }, progress);
}

/**
 * The median shorter side of the images in a folder; undefined for other data sets, whose size is known after
 * opening.
 */
export async function folderSide(name: string): Promise<number | undefined> {
  const folder = imageFolderOf(name);
  return folder === undefined ? undefined : typicalSide(sourceOf(folder, {}));
}

function sourceOf(folder: string, { followLinks }: FolderOptions): ImageSource {
  return { folder, files: imageFilesIn(folder, followLinks), decoder: SHARP_DECODER, fileStore };
}

function withDefaults({ followLinks: _, ...images }: FolderOptions): ImageFolderOptions {
  return {
    testShare: DEFAULT_TEST_SHARE,
    seed: 0,
    strict: false,
    decoding: { bytes: DECODING_BYTES, largestBytes: Number.POSITIVE_INFINITY },
    scratch: scratchFolder,
    ...images,
    memoryBytes: Math.min(images.memoryBytes ?? Number.POSITIVE_INFINITY, imageMemoryBytes()),
  };
}

/** A quarter of the memory, limited by the largest array that all supported Node versions allow. */
function imageMemoryBytes(): number {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem() / 4, limit / 4, 2 ** 32 - 1);
}

/** The first 1,000 training and 200 test images of Fashion-MNIST, in the repository and in the package. */
function sampleFolder(): string {
  const places = ['../../../sample', '../../../../sample'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((path) => existsSync(path));
  if (!found) throw new DataError('the sample images are missing from this installation');
  return found;
}

/** The folder for temporary files of pixels. Not the system's temporary folder, which may be in memory. */
export function scratchFolder(): string {
  return cacheFolder();
}
