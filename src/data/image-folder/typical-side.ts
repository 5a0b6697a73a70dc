import { DataError } from '../dataset.ts';
import { listClasses } from './classes.ts';
import { ownHalves } from './halves.ts';
import type { ImageSource } from './open.ts';

/** Pictures that are looked at: their median is that of a folder, nearly. */
const MOST_LOOKED_AT = 25;

/** The median of the shorter sides of a folder's training images, in pixels; undefined where none can be read. @throws DataError */
export async function typicalSide({ files, decoder }: ImageSource): Promise<number | undefined> {
  const all = listClasses(files, ownHalves(files)?.train).flatMap((each) => each.files);
  const count = Math.min(all.length, MOST_LOOKED_AT);
  const sides: number[] = [];
  for (let i = 0; i < count; i++) {
    try {
      const { height, width } = await decoder.decode(
        await files.read(all[Math.floor((i * all.length) / count)]!),
      );
      sides.push(Math.min(height, width));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
  }
  return sides.sort((a, b) => a - b)[Math.floor(sides.length / 2)];
}
