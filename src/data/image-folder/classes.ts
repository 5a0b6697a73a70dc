import { DataError } from '../dataset.ts';

/** A folder of image files. Files and folders in it are named by their paths relative to it, with `/`. */
export interface ImageFiles {
  /** Name of the folder in data sets and messages. */
  readonly root: string;
  /** Name of a file or folder in messages. */
  pathOf(name: string): string;
  /**
   * Sorted names of the folders in a folder, without hidden ones. @throws DataError for links and invalid names.
   */
  folders(within: string): readonly string[];
  /**
   * All files below a folder, sorted by name, without hidden ones. @throws DataError for links and invalid names.
   */
  below(folder: string): readonly string[];
  /** Size of a file in bytes. @throws DataError with the reason but not the file name. */
  sizeOf(file: string): Promise<number>;
  /** @throws DataError with the reason but not the file name. */
  read(file: string): Promise<Uint8Array>;
}

/** A class: its name, its folder and its files. */
export interface ClassFolder {
  readonly name: string;
  readonly folder: string;
  readonly files: readonly string[];
}

/**
 * The classes of a folder, sorted by name: each folder in it is a class, with all files below it. Files are not
 * opened here. Names are normalized to NFC, independent of the file system.
 * @param within the folder that contains the classes.
 * @param least minimum number of classes: 2 for training, 1 for a test set.
 * @throws DataError for too few classes and for empty ones.
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
  if (classes.length < least)
    throw new DataError(`${at} has one class only, ${oneClass(images, classes[0]!)}`);
  return classes;
}

/** What to do about a single folder: often it holds the classes. */
function oneClass(images: ImageFiles, { name, folder }: ClassFolder): string {
  const inside = images.folders(folder);
  const expected = `${name}: expected at least two folders`;
  return inside.length < 2 ? expected : `${expected}; did you mean ${images.pathOf(folder)}?`;
}
