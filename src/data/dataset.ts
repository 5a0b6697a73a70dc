import { counted } from '../tensor/counted.ts';
import { InputError } from '../tensor/input-error.ts';

/** A data set stored as bytes: `count` images [height, width, channels], each with a label. */
export interface Dataset {
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** count · height · width · channels bytes. */
  readonly pixels: Uint8Array | PixelFile;
  /** count labels below `classNames.length`. */
  readonly labels: Labels;
  readonly classNames: readonly string[];
  /** The file of each image, if images are separate files. */
  readonly files?: readonly string[];
}

/** A data set whose pixels are in memory. */
export interface ByteDataset extends Dataset {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

/** One byte per label for up to 256 classes. */
export type Labels = Uint8Array | Uint16Array;

/** Pixels that are read from a file on demand, because they do not fit into memory. */
export interface PixelFile {
  /** Fills `to` with the bytes from `at` on. */
  read(at: number, to: Uint8Array): void;
}

/** A file that was skipped, and why. */
export interface SkippedFile {
  readonly file: string;
  readonly reason: string;
}

/**
 * The training, validation and test sets. The best epoch is chosen by the validation set or, without one, by the
 * test set.
 */
export interface TrainTest {
  readonly train: Dataset;
  /** Split from the training images, or provided by the data set. */
  readonly validation?: Dataset;
  readonly test: Dataset;
  /** Files that are not images, or are damaged (image folders only). */
  readonly skipped?: readonly SkippedFile[];
}

/** The sets that exist: training, test, and validation if present. */
export function setsOf({ train, test, validation }: TrainTest): readonly Dataset[] {
  return validation ? [train, test, validation] : [train, test];
}

/** Reads a file of a data set by name: its content, and its name for messages. @throws DataError */
export type NamedFiles = (name: string) => { readonly source: string; readonly bytes: Uint8Array };

/** A batch for an engine. Its memory is overwritten by the next call of the loader. */
export interface Batch {
  readonly size: number;
  /** [size, height, width, channels], from 0 to 1 or normalized. */
  readonly images: BatchImages;
  readonly labels: Int32Array;
  /** Loss weight of each image, [size], if classes are weighted. */
  readonly imageWeights?: Float32Array;
}

/** Images that are stored as bytes, a quarter of the memory, and converted to float32 when they are copied. */
export interface BatchImages {
  readonly length: number;
  /** Fills `to` with the elements from index `at` on. */
  copyTo(to: Float32Array, at: number): void;
  /** Element i is `tables[i % channels][bytes[i]]`: a table of 256 numbers for each channel. */
  readonly encoded: { readonly bytes: Uint8Array; readonly tables: readonly Float32Array[] };
}

/** Data is missing, damaged or unsuitable. The message names the file, what was expected and what to do. */
export class DataError extends InputError {
  override readonly name = 'DataError';
}

/** @throws DataError if a label is not below the number of classes of the network. */
export function requireLabels({ labels, name, classNames }: Dataset, classes: number): void {
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong < 0) return;
  const [label, are] = [labels[wrong]!, counted(classNames.length, 'class', 'classes')];
  if (label >= classNames.length)
    throw new DataError(`${name}: label ${label} of image ${wrong} is beyond its ${are}`);
  const names = listed(classNames);
  throw new DataError(
    `${name} has ${are} (${names}), but \`classes\` is ${classes}: leave that out, or make it ${classNames.length} or more`,
  );
}

/** The first names, joined by commas, with an ellipsis if there are more. */
export function listed(names: readonly string[]): string {
  return names.slice(0, MOST_LISTED).join(', ') + (names.length > MOST_LISTED ? ', …' : '');
}

const MOST_LISTED = 10;

/** @throws DataError unless the images have as many channels as the network expects. */
export function requireChannels({ channels }: Dataset, wanted: number, name: string): void {
  if (channels === wanted) return;
  throw new DataError(`${name} has images of ${counted(channels, 'channel')}, the network reads ${wanted}`);
}
