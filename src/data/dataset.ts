import { counted } from '../tensor/counted.ts';
import { InputError } from '../tensor/input-error.ts';

/** A data set held as bytes: `count` images of height × width × channels (channel last), and a label each. */
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
  /** Where each image came from, when it had a file of its own. */
  readonly files?: readonly string[];
}

/** A data set of byte arrays: what files of bytes give. */
export interface ByteDataset extends Dataset {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

/** A byte each while there are no more than 256 classes. */
export type Labels = Uint8Array | Uint16Array;

/** Pixels too many to hold in memory. */
export interface PixelFile {
  /** Fills `to` with the bytes from `at` on. */
  read(at: number, to: Uint8Array): void;
}

/** A file that was left out of a data set, and why. */
export interface SkippedFile {
  readonly file: string;
  readonly reason: string;
}

/** What a run trains on, what chooses its best epoch (the test images, where there is no validation), and the test. */
export interface TrainTest {
  readonly train: Dataset;
  /** Taken from the training images, or a folder's own. */
  readonly validation?: Dataset;
  readonly test: Dataset;
  /** Files that are no images, or damaged ones; of image folders only. */
  readonly skipped?: readonly SkippedFile[];
}

/** All sets of images that there are. */
export function setsOf({ train, test, validation }: TrainTest): readonly Dataset[] {
  return validation ? [train, test, validation] : [train, test];
}

/** Files of a data set by their names: the content of each, and what messages call it. @throws DataError */
export type NamedFiles = (name: string) => { readonly source: string; readonly bytes: Uint8Array };

/** A batch ready for an engine; its memory is used again by the next call of the loader. */
export interface Batch {
  readonly size: number;
  /** [size, height, width, channels], 0 to 1 or normalised. */
  readonly images: BatchImages;
  readonly labels: Int32Array;
  /** What the loss of each counts, where classes are weighted. */
  readonly imageWeights?: Float32Array;
}

/** Images that are kept as bytes and become floats, a quarter as many in memory, where they are wanted. */
export interface BatchImages {
  readonly length: number;
  /** Fills `to` with the numbers from `at` on. */
  copyTo(to: Float32Array, at: number): void;
}

/** Data that is missing, damaged or does not fit: says which file, what was expected and what to do. */
export class DataError extends InputError {
  override readonly name = 'DataError';
}

/** @throws DataError when a label is beyond the classes: what the network answers has no place for it. */
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

/** The first names, and whether there are more. */
export function listed(names: readonly string[]): string {
  return names.slice(0, MOST_LISTED).join(', ') + (names.length > MOST_LISTED ? ', …' : '');
}

const MOST_LISTED = 10;

/** @throws DataError unless the images have as many channels as the network reads. */
export function requireChannels({ channels }: Dataset, wanted: number, name: string): void {
  if (channels === wanted) return;
  throw new DataError(`${name} has images of ${counted(channels, 'channel')}, the network reads ${wanted}`);
}
