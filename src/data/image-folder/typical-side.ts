import { DataError } from '../dataset.ts';
import type { ImageDecoder } from '../image.ts';
import { type ImageFiles, listClasses } from './classes.ts';
import { ownHalves } from './halves.ts';

/** Pictures that are looked at: their median is that of a folder, nearly. */
const MOST_LOOKED_AT = 25;

/** The median of the shorter sides of a folder's training images, in pixels; undefined where none can be read. @throws DataError */
export async function typicalSide(source: {
  readonly files: ImageFiles;
  readonly decoder: ImageDecoder;
}): Promise<number | undefined> {
  const { files, decoder } = source;
  const all = listClasses(files, ownHalves(files)?.train).flatMap((each) => each.files);
  return medianSide(files, decoder, all);
}

/** The same of a list of files: a few are looked at, from all over it. What is no image has no say. */
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
