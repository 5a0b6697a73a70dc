/** A data set held as bytes: `count` images of height × width × channels (channel last), and a label each. */
export interface Dataset {
  readonly name: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** count · height · width · channels bytes. */
  readonly pixels: Uint8Array;
  /** count labels below `classNames.length`. */
  readonly labels: Uint8Array;
  readonly classNames: readonly string[];
}

/** A data set's two halves. */
export interface TrainTest {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** A batch ready for an engine; its arrays are reused after the next but one call of the loader. */
export interface Batch {
  readonly size: number;
  /** [size, height, width, channels], 0 to 1. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** Data that is missing, damaged or does not fit: says which file, what was expected and what to do. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

/** @throws DataError when a label is beyond the classes: what the network answers has no place for it. */
export function requireLabels({ labels, name }: Dataset, classes: number): void {
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong < 0) return;
  throw new DataError(`${name}: label ${labels[wrong]} of image ${wrong} is beyond the ${classes} classes`);
}
