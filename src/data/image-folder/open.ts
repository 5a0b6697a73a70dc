import { counted } from '../../tensor/counted.ts';
import { DataError, type Dataset, type SkippedFile, type TrainTest } from '../dataset.ts';
import type { ImageDecoder } from '../image.ts';
import { memoryStore, type PixelStore } from '../pixel-store.ts';
import type { DataProgress } from '../progress.ts';
import { type ClassFolder, type ImageFiles, listClasses } from './classes.ts';
import { type OwnHalves, ownHalves } from './halves.ts';
import { decideChannels, decideSize, type Reading, readImages } from './read.ts';
import { type LabelledFile, type Split, shuffled, splitByClass } from './split.ts';

/** How a folder of images becomes a data set. */
export interface ImageFolderOptions {
  /** Images are kept with this height and width (`fitImage`). Default: as suits the pictures (`decideSize`). */
  readonly size?: number;
  /** 1 or 3; by default 1 when all images are grey. */
  readonly channels?: number;
  /** Of each class, put aside for testing where the folder has no such half of its own. */
  readonly testShare: number;
  readonly seed: number;
  /** Refuse a file that is no image, rather than leave it out. */
  readonly strict: boolean;
  /** More pixels than this are kept in a file below `scratch()`. */
  readonly memoryBytes: number;
  /** Called only when that file is needed. */
  readonly scratch: () => string;
}

/** The folder that is read, and what the machine that this runs on reads it with. */
export interface ImageSource {
  /** As whoever asked for it named it. */
  readonly folder: string;
  readonly files: ImageFiles;
  readonly decoder: ImageDecoder;
  /** Keeps pixels in a file below a folder. */
  fileStore(scratch: string): PixelStore;
}

/**
 * Reads DIR/CLASS/image, split by seed, or DIR/train/CLASS/image and DIR/val (or test; `halves.ts`). Every image is decoded once.
 * Training images are mixed, test images lie in the order of their names.
 * @throws DataError
 */
export async function openImageFolder(
  source: ImageSource,
  options: ImageFolderOptions,
  progress: DataProgress,
): Promise<TrainTest> {
  const { folder, files } = source;
  const own = ownHalves(files);
  const { split, classNames } = splitOf(files, own, options);
  if (own?.unused !== undefined) {
    const later = `evaluate RUN \`data\` folder:${folder.replace(/\/+$/, '')}/${own.unused}`;
    progress.note(
      `${folder}: tested on its images in ${own.test}; those in ${own.unused} are for later (${later})`,
    );
  }
  const tested = new Set(split.test.map(({ label }) => label));
  const untested = classNames.filter((_, label) => !tested.has(label));
  if (own && untested.length > 0)
    progress.note(`${folder}: ${own.test} has no images of ${untested.join(', ')}: not tested on those`);
  const all = [...split.train, ...split.test];
  const reading = await readingOf(source, all, classNames, options, progress);
  const train = await readImages(shuffled(split.train, options.seed), reading);
  const test = await readImages(split.test, reading);
  reading.finish();
  const missing = missingClass(train.dataset);
  if (missing !== undefined) throw new DataError(`${folder}: no image of class ${missing} can be read`);
  if (test.dataset.count === 0) throw new DataError(`${folder}: no test image can be read`);
  return { train: train.dataset, test: test.dataset, skipped: [...train.skipped, ...test.skipped] };
}

/**
 * Only what a network is tested on: DIR/val (or test), or the share put aside, or, with `whole`, all of a folder that
 * has no halves of its own. @throws DataError
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
  if (dataset.count === 0) throw new DataError(`${source.folder}: no test image can be read`);
  return { test: dataset, skipped };
}

function testFilesOf(images: ImageFiles, options: ImageFolderOptions & { readonly whole: boolean }) {
  const own = ownHalves(images);
  if (!options.whole || own) {
    const { split, classNames } = splitOf(images, own, options);
    return { files: split.test, classNames };
  }
  const classes = listClasses(images);
  return { files: labelled(classes), classNames: classes.map(({ name }) => name) };
}

function splitOf(images: ImageFiles, halves: OwnHalves | undefined, { testShare, seed }: ImageFolderOptions) {
  if (!halves) {
    const classes = listClasses(images);
    return { split: splitByClass(classes, testShare, seed), classNames: classes.map(({ name }) => name) };
  }
  const [train, test] = [listClasses(images, halves.train), listClasses(images, halves.test, 1)];
  const classNames = train.map(({ name }) => name);
  const unknown = test.find(({ name }) => !classNames.includes(name));
  if (unknown) {
    throw new DataError(
      `${images.pathOf(`${halves.test}/${unknown.name}`)} is a class that ${halves.train} lacks`,
    );
  }
  const split: Split = { train: labelled(train), test: labelled(test, classNames) };
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
  const { strict, memoryBytes, scratch } = options;
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

function missingClass({ labels, classNames }: Dataset): string | undefined {
  const seen = new Set(labels);
  return classNames.find((_, label) => !seen.has(label));
}
