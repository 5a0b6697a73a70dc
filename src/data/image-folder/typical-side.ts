import { DataError } from '../dataset.ts';
import type { ImageDecoder } from '../image.ts';
import { type ImageFiles, listClasses } from './classes.ts';
import { ownSplits } from './own-splits.ts';

/** Size of the sample that the median is estimated from. */
const MOST_LOOKED_AT = 25;

/**
 * The estimated median shorter side of a folder's training images in pixels; undefined if none can be read.
 * @throws DataError
 */
export async function typicalSide(source: {
  readonly files: ImageFiles;
  readonly decoder: ImageDecoder;
}): Promise<number | undefined> {
  const { files, decoder } = source;
  const all = listClasses(files, ownSplits(files)?.train).flatMap((each) => each.files);
  return medianSide(files, decoder, all);
}

/** The same for a list of files, from an evenly spaced sample. Files that are not images are ignored. */
export async function medianSide(
  images: ImageFiles,
  decoder: ImageDecoder,
  files: readonly string[],
): Promise<number | undefined> {
  const count = Math.min(files.length, MOST_LOOKED_AT);
  const sides: number[] = [];
  for (let i = 0; i < count; i++) {
    try {
      const { shorterSide } = await decoder.open(
        await images.read(files[Math.floor((i * files.length) / count)]!),
      );
      sides.push(shorterSide);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  return sides.sort((a, b) => a - b)[Math.floor(sides.length / 2)];
}
