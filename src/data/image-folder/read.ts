import { DataError, type Dataset, type Labels, type SkippedFile } from '../dataset.ts';
import { fitImage } from '../fit-image.ts';
import type { ImageDecoder } from '../image.ts';
import { inOrder } from '../in-order.ts';
import type { PixelStore } from '../pixel-store.ts';
import type { ImageFiles } from './classes.ts';
import type { LabelledFile } from './split.ts';

/** What reading the halves of a data set has in common. */
export interface Reading {
  readonly images: ImageFiles;
  readonly decoder: ImageDecoder;
  readonly size: number;
  readonly channels: number;
  readonly strict: boolean;
  readonly classNames: readonly string[];
  /** Opens room for so many images. */
  readonly store: (count: number) => PixelStore;
  /** Called for each file, kept or skipped. */
  readonly tick: (isKept: boolean) => void;
}

/** Decodes files to a data set. @throws DataError when a file is no image and reading is strict. */
export async function readImages(
  files: readonly LabelledFile[],
  reading: Reading,
): Promise<{ readonly dataset: Dataset; readonly skipped: readonly SkippedFile[] }> {
  const { images, decoder, size, channels, strict, classNames, tick } = reading;
  const store = reading.store(files.length);
  const [kept, skipped]: [LabelledFile[], SkippedFile[]] = [[], []];
  const read = async ({ file }: LabelledFile) => {
    try {
      return fitImage(await decoder.decode(await images.read(file)), size, channels);
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

/** 1 when no image has colour, else 3: looks no further than the first that has. What is no image has no say. */
export async function decideChannels(
  images: ImageFiles,
  decoder: ImageDecoder,
  files: readonly LabelledFile[],
): Promise<1 | 3> {
  for (const { file } of files) {
    try {
      if (!(await decoder.isGrey(await images.read(file)))) return 3;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  return 1;
}

function toLabels(files: readonly LabelledFile[], classes: number): Labels {
  const labels = files.map(({ label }) => label);
  return classes <= 256 ? Uint8Array.from(labels) : Uint16Array.from(labels);
}
