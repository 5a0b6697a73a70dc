import { DataError } from '../dataset.ts';

/** A folder of image files. Files and folders in it are named by their paths below it, with `/`. */
export interface ImageFiles {
  /** The folder as data sets and messages name it. */
  readonly root: string;
  /** A file or folder in it as messages name it. */
  pathOf(name: string): string;
  /** The names of the folders in a folder, sorted, without hidden ones. @throws DataError for links and odd names. */
  folders(within: string): readonly string[];
  /** All files below a folder, in the order of their names, without hidden ones. @throws DataError for links and odd names. */
  below(folder: string): readonly string[];
  /** Bytes of a file. @throws DataError with the reason alone, without the name. */
  sizeOf(file: string): Promise<number>;
  /** @throws DataError with the reason alone, without the name. */
  read(file: string): Promise<Uint8Array>;
}

/** A class: its name, its folder, and the files in it. */
export interface ClassFolder {
  readonly name: string;
  readonly folder: string;
  readonly files: readonly string[];
}

/**
 * The classes of a folder, in the order of their names: each folder in it is one, with all files below it. Whether a
 * file is an image shows when it is read. Names are in NFC, whatever the file system makes of them.
 * @param within the folder of the classes.
 * @param least classes: two, of which a network can learn to tell one from the other; of a test half, one.
 * @throws DataError for no class or too few, and empty ones.
 */
export function listClasses(images: ImageFiles, within = '', least = 2): readonly ClassFolder[] {
  const at = images.pathOf(within);
  const below = (name: string) => (within ? `${within}/${name}` : name);
  const classes = images
    .folders(within)
    .map((name) => ({ name: name.normalize('NFC'), folder: below(name), files: images.below(below(name)) }));
  if (classes.length === 0) {
    throw new DataError(`${at} has no folders: expected one for each class, as in CLASS/image.jpg`);
  }
  const empty = classes.find(({ files }) => files.length === 0);
  if (empty) {
    const path = images.pathOf(empty.folder);
    throw new DataError(`${path} is empty: put images of that class there, or remove it`);
  }
  const same = classes.find(({ name }, i) => classes.findIndex((other) => other.name === name) !== i);
  if (same) {
    throw new DataError(`${at} has two folders called ${same.name}, of other bytes: join or rename one`);
  }
  if (classes.length < least) {
    throw new DataError(`${at} has one class only, ${classes[0]!.name}: expected at least two folders`);
  }
  return classes;
}
