import { counted } from '../../tensor/counted.ts';
import { listed } from '../../tensor/listed.ts';
import { DataError, type Dataset, type SkippedFile, type TrainTest } from '../dataset.ts';
import type { ImageDecoder } from '../image.ts';
import { memoryStore, type PixelStore } from '../pixel-store.ts';
import type { DataProgress } from '../progress.ts';
import { type ClassFolder, type ImageFiles, listClasses } from './classes.ts';
import { type OwnSplits, ownSplits } from './own-splits.ts';
import { type DecodingMemory, decideChannels, decideSize, type Reading, readImages } from './read.ts';
import { type LabelledFile, type Split, shuffled, splitByClass } from './split.ts';

/** Maximum number of files that an error names. */
const NAMED_FILES = 3;

/** Options for reading a folder of images. */
export interface ImageFolderOptions {
  /** Height and width that images are stored with (`fitImage`). Default: depends on the images (`decideSize`). */
  readonly size?: number;
  /** 1 or 3. Default: 1 if all images are grayscale. */
  readonly channels?: number;
  /** Fraction of each class used for testing, if the folder has no predefined split. */
  readonly testShare: number;
  readonly seed: number;
  /** Whether a file that is not an image is an error instead of being skipped. */
  readonly strict: boolean;
  /** If pixels need more than this, they are stored in a file below `scratch()`. */
  readonly memoryBytes: number;
  readonly decoding: DecodingMemory;
  /** The folder for that file; called only if it is needed. */
  readonly scratch: () => string;
}

/** The folder to read, and the platform's file access and decoder. */
export interface ImageSource {
  /** Name of the folder as given by the user. */
  readonly folder: string;
  readonly files: ImageFiles;
  readonly decoder: ImageDecoder;
  /** Stores pixels in a file below a folder. */
  fileStore(scratch: string): PixelStore;
}

/**
 * Reads DIR/CLASS/image, split by the seed, or DIR/train/CLASS/image with DIR/val, DIR/test or both (`own-splits.ts`).
 * Every image is decoded once. Training images are shuffled; the others are in the order of their names.
 * @throws DataError
 */
export async function openImageFolder(
  source: ImageSource,
  options: ImageFolderOptions,
  progress: DataProgress,
): Promise<TrainTest> {
  const { folder, files } = source;
  const own = ownSplits(files);
  const { split, classNames } = splitOf(files, own, options);
  if (own) noteSplits(own, split, classNames, (text) => progress.note(`${folder}: ${text}`));
  const all = [...split.train, ...(split.validation ?? []), ...split.test];
  const reading = await readingOf(source, all, classNames, options, progress);
  const train = await readImages(shuffled(split.train, options.seed), reading);
  const validation = split.validation && (await readImages(split.validation, reading));
  const test = await readImages(split.test, reading);
  reading.finish();
  const missing = missingClass(train.dataset);
  if (missing !== undefined) {
    const ofClass = split.train.filter(({ label }) => label === missing);
    const why = reasonsOf(train.skipped, ofClass);
    throw new DataError(`${folder}: no image of class ${classNames[missing]} can be read: ${why}`);
  }
  requireAny(test, `${folder}: no test image can be read`);
  if (validation) requireAny(validation, `${folder}: no validation image can be read`);
  return {
    train: train.dataset,
    ...(validation && { validation: validation.dataset }),
    test: test.dataset,
    skipped: [train, validation, test].flatMap((set) => set?.skipped ?? []),
  };
}

/** Reports how a predefined split is used, and classes that it lacks. */
function noteSplits(
  { train, validation, test, unused }: OwnSplits,
  split: Split,
  classNames: readonly string[],
  note: (text: string) => void,
): void {
  if (validation !== undefined) {
    note(`its images in ${validation} choose the best epoch, those in ${test} are the test at the end`);
  }
  if (unused.length > 0) {
    const used = [train, ...(validation === undefined ? [] : [validation]), test].join(', ');
    note(`${unused.join(', ')} ${unused.length > 1 ? 'are' : 'is'} not read, only ${used}`);
  }
  const noteMissing = (name: string, files: readonly LabelledFile[], consequence: string) => {
    const present = new Set(files.map(({ label }) => label));
    const absent = classNames.filter((_, label) => !present.has(label));
    if (absent.length > 0) note(`${name} has no images of ${absent.join(', ')}: ${consequence}`);
  };
  if (validation !== undefined)
    noteMissing(validation, split.validation!, 'those do not count when it chooses the best epoch');
  noteMissing(test, split.test, 'not tested on those');
}

/**
 * Reads only the test set: DIR/test or DIR/val, the test fraction of each class or, with `whole`, all images of a
 * folder without a predefined split. @throws DataError
 */
export async function openTestFolder(
  source: ImageSource,
  options: ImageFolderOptions & { readonly whole: boolean },
  progress: DataProgress,
): Promise<{ readonly test: Dataset; readonly skipped: readonly SkippedFile[] }> {
  const { files, classNames } = testFilesOf(source.files, options);
  const reading = await readingOf(source, files, classNames, options, progress);
  const { dataset, skipped } = await readImages(files, reading);
  reading.finish();
  requireAny({ dataset, skipped }, `${source.folder}: no test image can be read`);
  return { test: dataset, skipped };
}

function testFilesOf(images: ImageFiles, options: ImageFolderOptions & { readonly whole: boolean }) {
  const own = ownSplits(images);
  if (!options.whole || own) {
    const { split, classNames } = splitOf(images, own, options);
    return { files: split.test, classNames };
  }
  const classes = listClasses(images);
  return { files: labelled(classes), classNames: classes.map(({ name }) => name) };
}

function splitOf(
  images: ImageFiles,
  own: OwnSplits | undefined,
  { testShare, seed }: ImageFolderOptions,
): { readonly split: Split; readonly classNames: readonly string[] } {
  const classes = listClasses(images, own?.train);
  const classNames = classes.map(({ name }) => name);
  if (!own) {
    const split = splitByClass(classes, testShare, seed);
    if (split.test.length > 0) return { split, classNames };
    throw new DataError(
      `${images.root} has one image of each class, and none is left for testing: add images, or a folder for them (train and test)`,
    );
  }
  const read = (name: string) => {
    const found = listClasses(images, name, 1);
    const unknown = found.find(({ name }) => !classNames.includes(name));
    if (!unknown) return labelled(found, classNames);
    throw new DataError(`${images.pathOf(unknown.folder)} is a class that ${own.train} lacks`);
  };
  const { validation, test } = own;
  const split = {
    train: labelled(classes),
    ...(validation !== undefined && { validation: read(validation) }),
    test: read(test),
  };
  return { split, classNames };
}

function labelled(
  classes: readonly ClassFolder[],
  names: readonly string[] = classes.map(({ name }) => name),
): readonly LabelledFile[] {
  return classes.flatMap(({ name, files }) => files.map((file) => ({ file, label: names.indexOf(name) })));
}

async function readingOf(
  { folder, files: images, decoder, fileStore }: ImageSource,
  files: readonly LabelledFile[],
  classNames: readonly string[],
  options: ImageFolderOptions,
  progress: DataProgress,
): Promise<Reading & { finish(): void }> {
  const { strict, memoryBytes, decoding, scratch } = options;
  const size = options.size ?? (await decideSize(images, decoder, files));
  const channels = options.channels ?? (await decideChannels(images, decoder, files));
  const bytes = size * size * channels;
  const fits = files.length * bytes <= memoryBytes;
  let done = 0;
  let kept = 0;
  return {
    images,
    decoder,
    size,
    channels,
    strict,
    classNames,
    memory: decoding,
    store: (count) => (fits ? memoryStore(count * bytes) : fileStore(scratch())),
    tick: (isKept) => {
      done++;
      if (isKept) kept++;
      progress.images?.(done, files.length);
    },
    finish: () => {
      const where = fits ? 'in memory' : `in a temporary file below ${scratch()}, as memory is short`;
      const mebibytes = Math.ceil((kept * bytes) / 2 ** 20);
      const kind = channels === 1 ? 'grey' : 'RGB';
      progress.note(
        `${folder}: ${counted(kept, `${kind} image`)} of ${counted(classNames.length, 'class', 'classes')}, ${size}×${size}: ${mebibytes} MiB ${where}`,
      );
    },
  };
}

/** The label of a class without images, if any. */
function missingClass({ labels, classNames }: Dataset): number | undefined {
  const seen = new Set(labels);
  const missing = classNames.findIndex((_, label) => !seen.has(label));
  return missing < 0 ? undefined : missing;
}

/** @throws DataError if there is no image, with the reasons for the first files. */
function requireAny(
  { dataset, skipped }: { readonly dataset: Dataset; readonly skipped: readonly SkippedFile[] },
  message: string,
): void {
  if (dataset.count === 0) throw new DataError(`${message}: ${reasonsOf(skipped)}`);
}

/** `red/1.png is empty, red/2.png is animated and 7 more`. */
function reasonsOf(skipped: readonly SkippedFile[], of?: readonly LabelledFile[]): string {
  const wanted = of && new Set(of.map(({ file }) => file));
  const texts = skipped
    .filter(({ file }) => !wanted || wanted.has(file))
    .map(({ file, reason }) => `${file} ${reason}`);
  return listed(texts, NAMED_FILES);
}
