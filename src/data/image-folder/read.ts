import { byteBudget } from '../byte-budget.ts';
import { DataError, type Dataset, type Labels, type SkippedFile } from '../dataset.ts';
import { fitImage, suitableSize } from '../fit-image.ts';
import type { ImageDecoder } from '../image.ts';
import { inOrder } from '../in-order.ts';
import type { PixelStore } from '../pixel-store.ts';
import type { ImageFiles } from './classes.ts';
import type { LabelledFile } from './split.ts';
import { medianSide } from './typical-side.ts';

/** Options shared by all sets of a folder. */
export interface Reading {
  readonly images: ImageFiles;
  readonly decoder: ImageDecoder;
  readonly size: number;
  readonly channels: number;
  readonly strict: boolean;
  readonly classNames: readonly string[];
  readonly memory: DecodingMemory;
  /** Creates the storage for `count` images. */
  readonly store: (count: number) => PixelStore;
  /** Called for each file, kept or skipped. */
  readonly tick: (isKept: boolean) => void;
}

/** Memory limits for reading and decoding files. */
export interface DecodingMemory {
  /** Limit for all images that are decoded concurrently; a larger image is decoded alone. */
  readonly bytes: number;
  /** Limit for one image; a larger one is rejected. */
  readonly largestBytes: number;
}

/** Decodes files to a data set. @throws DataError if a file is not an image and reading is strict. */
export async function readImages(
  files: readonly LabelledFile[],
  reading: Reading,
): Promise<{ readonly dataset: Dataset; readonly skipped: readonly SkippedFile[] }> {
  const { images, decoder, size, channels, strict, classNames, tick } = reading;
  const store = reading.store(files.length);
  const [kept, skipped]: [LabelledFile[], SkippedFile[]] = [[], []];
  const readOne = reader(reading);
  const read = async ({ file }: LabelledFile) => {
    try {
      return await readOne(file);
    } catch (error) {
      if (error instanceof DataError) return error;
      throw error;
    }
  };
  for await (const [labelledFile, image] of inOrder(files, decoder.atOnce, read)) {
    const { file } = labelledFile;
    if (image instanceof DataError) {
      if (strict) throw new DataError(`${images.pathOf(file)} ${image.message}`);
      skipped.push({ file, reason: image.message });
    } else {
      store.append(image);
      kept.push(labelledFile);
    }
    tick(!(image instanceof DataError));
  }
  const dataset: Dataset = {
    name: images.root,
    count: kept.length,
    height: size,
    width: size,
    channels,
    pixels: store.finish(),
    labels: toLabels(kept, classNames.length),
    classNames,
    files: kept.map(({ file }) => file),
  };
  return { dataset, skipped };
}

/** Reads, decodes and resizes a file as soon as the memory budget allows it. */
function reader({ images, decoder, size, channels, memory }: Reading): (file: string) => Promise<Uint8Array> {
  // Two budgets: a job that waits for the second holds part of the first; with a single budget this could
  // deadlock.
  const ofFiles = byteBudget(memory.bytes / 4);
  const ofPixels = byteBudget(memory.bytes);
  const requireRoom = (bytes: number) => {
    if (bytes <= memory.largestBytes) return;
    const [wanted, room] = [bytes, memory.largestBytes].map((each) => `${Math.ceil(each / 2 ** 20)} MiB`);
    throw new DataError(
      `takes ${wanted} to decode, and \`memoryLimit\` leaves ${room}: make it smaller, or raise that`,
    );
  };
  return async (file) => {
    const fileBytes = await images.sizeOf(file);
    requireRoom(fileBytes);
    return ofFiles.within(fileBytes, async () => {
      const image = await decoder.open(await images.read(file));
      requireRoom(fileBytes + image.decodeBytes);
      return ofPixels.within(image.decodeBytes, async () => fitImage(await image.decode(), size, channels));
    });
  };
}

/**
 * 1 if no image has color, otherwise 3; stops at the first image with color. Files that are not images are
 * ignored.
 */
export async function decideChannels(
  images: ImageFiles,
  decoder: ImageDecoder,
  files: readonly LabelledFile[],
): Promise<1 | 3> {
  for (const { file } of files) {
    try {
      const { isGrey } = await decoder.open(await images.read(file));
      if (!isGrey) return 3;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  return 1;
}

/** The default height and width for these images (`suitableSize`). */
export async function decideSize(
  images: ImageFiles,
  decoder: ImageDecoder,
  files: readonly LabelledFile[],
): Promise<number> {
  const side = await medianSide(
    images,
    decoder,
    files.map(({ file }) => file),
  );
  return suitableSize(side ?? Number.POSITIVE_INFINITY);
}

function toLabels(files: readonly LabelledFile[], classes: number): Labels {
  const labels = files.map(({ label }) => label);
  return classes <= 256 ? Uint8Array.from(labels) : Uint16Array.from(labels);
}
