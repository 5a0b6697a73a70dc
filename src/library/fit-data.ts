import { DataError, type Dataset, type TrainTest } from '../data/dataset.ts';
import { PROGRAM_DATA } from '../data/dataset-names.ts';
import { fitImage } from '../data/fit-image.ts';
import type { DecodedImage, ImageDecoder } from '../data/image.ts';
import { imageReader } from '../data/pixels.ts';
import { splitDataset } from '../data/split-dataset.ts';
import { counted } from '../tensor/counted.ts';
import { encodedBytes, type ImageInput, readImage } from './images.ts';
import { classNamesFor, type Label, labelsOf } from './labels.ts';
import { said } from './said.ts';
import { bytesOf, requireShape } from './tensors.ts';

/** An image and its class. */
export interface LabelledImage {
  readonly image: ImageInput;
  readonly label: Label;
}

/** Images and their labels, in the same order. */
export interface LabelledImages {
  /** A tensor of pixels with `shape`: bytes, or floats from 0 to 1; or a list of images. */
  readonly images: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array | readonly ImageInput[];
  /** Shape of a tensor: [images, height, width] or [images, height, width, channels]. */
  readonly shape?: readonly number[] | undefined;
  readonly labels: ArrayLike<number> | readonly string[];
}

/** Images for training and testing. */
export interface ProgramImages extends LabelledImages {
  /** One name per class. Default: the labels. */
  readonly classNames?: readonly string[] | undefined;
  /** The test set. Default: a fifth of each class (`testShare`), which is then not used for training. */
  readonly test?: LabelledImages | undefined;
}

/** Data from a program: images with labels, a training and a test set, or an iterable of labelled images. */
export type ProgramData = ProgramImages | TrainTest | Iterable<LabelledImage> | AsyncIterable<LabelledImage>;

/** How to convert images to a data set. */
export interface Wanted {
  readonly size: number;
  /** Undefined: 1 if all images are grayscale, otherwise 3. */
  readonly channels: number | undefined;
  /** Number of classes of the network, if fixed. */
  readonly classes: number | undefined;
  readonly testShare: number;
  readonly seed: number;
  readonly decoder: ImageDecoder;
  readonly signal: AbortSignal | undefined;
}

/**
 * Converts a program's data to a training and a test set. @throws DataError, or the reason of the abort signal.
 */
export async function openProgramData(data: ProgramData, wanted: Wanted): Promise<TrainTest> {
  if (typeof data !== 'object' || data === null)
    throw new DataError(`the data are ${said(data)}: ${EXPECTED}`);
  if ('train' in data && 'test' in data) return requireDatasets(data);
  if (Symbol.iterator in data || Symbol.asyncIterator in data) {
    const { labels, ...pixels } = await collect(data, wanted);
    const classNames = classNamesFor(labels, undefined, wanted.classes);
    return splitDataset(
      named({ ...pixels, labels: labelsOf(labels, classNames), classNames }),
      wanted.testShare,
      wanted.seed,
    );
  }
  const { classNames: given, test } = data;
  const labels = requireLabels(data, 'labels');
  const classNames = classNamesFor(labels, given, wanted.classes);
  const whole = named({
    ...(await pixelsOf(data, wanted)),
    labels: labelsOf(labels, classNames),
    classNames,
  });
  requireAsMany(whole, labels);
  if (test === undefined) return splitDataset(whole, wanted.testShare, wanted.seed);
  const tested = requireLabels(test, 'test.labels');
  const alike = { ...wanted, channels: whole.channels };
  const testSet = named({
    ...(await pixelsOf(test, alike)),
    labels: labelsOf(tested, classNames),
    classNames,
  });
  requireAsMany(testSet, tested);
  if (testSet.channels !== whole.channels) {
    throw new DataError(
      `the images to test on have ${counted(testSet.channels, 'channel')}, those to train on ${whole.channels}`,
    );
  }
  return { train: whole, test: testSet };
}

const EXPECTED =
  'expected the path of a folder of images, { images, labels }, { train, test }, or an iterable of { image, label }';

type Pixels = Omit<Dataset, 'name' | 'labels' | 'classNames'>;

const named = (set: Omit<Dataset, 'name'>): Dataset => ({ name: PROGRAM_DATA, ...set });

function requireDatasets(data: TrainTest): TrainTest {
  for (const set of [data.train, data.test]) {
    const { count, height, width, channels, labels, pixels, classNames } = set ?? {};
    const bytes = count! * height! * width! * channels!;
    const isWhole =
      pixels instanceof Uint8Array ? pixels.length === bytes : typeof pixels?.read === 'function';
    if (!(bytes > 0) || !isWhole || labels?.length !== count || !Array.isArray(classNames)) {
      throw new DataError(
        '`train` or `test` is no data set: expected what `openDataset` gives, or { images, labels }',
      );
    }
  }
  return data;
}

function requireLabels({ labels }: LabelledImages, name: string): readonly Label[] {
  if (Array.isArray(labels) || ArrayBuffer.isView(labels)) return Array.from(labels as ArrayLike<Label>);
  throw new DataError(`\`${name}\` is ${said(labels)}: expected a number or a name for each image`);
}

function requireAsMany({ count }: Dataset, labels: readonly Label[]): void {
  if (count === labels.length) return;
  throw new DataError(
    `there are ${counted(count, 'image')} and ${counted(labels.length, 'label')}: expected one for each`,
  );
}

async function pixelsOf({ images, shape }: LabelledImages, wanted: Wanted): Promise<Pixels> {
  if (Array.isArray(images))
    return collect(
      images.map((image: ImageInput) => ({ image, label: 0 })),
      wanted,
    );
  const isNumbers =
    images instanceof Uint8Array ||
    images instanceof Uint8ClampedArray ||
    images instanceof Float32Array ||
    images instanceof Float64Array;
  if (!isNumbers) {
    throw new DataError(
      `\`images\` is ${said(images)}: expected bytes or floats with their \`shape\`, or a list of images`,
    );
  }
  const sizes = requireShape(shape, images.length);
  const pixels = { ...sizes, pixels: bytesOf(images) };
  return sizes.height === sizes.width ? pixels : squares(pixels, wanted.size);
}

/** Crops images to squares, as is done for image files and for predictions. */
function squares(set: Pixels, size: number): Pixels {
  const { count, height, width, channels } = set;
  const read = imageReader(set);
  const bytes = size * size * channels;
  const pixels = new Uint8Array(count * bytes);
  for (let i = 0; i < count; i++) {
    const image = { height, width, channels: channels as DecodedImage['channels'], pixels: read(i) };
    pixels.set(fitImage(image, size, channels), i * bytes);
  }
  return { count, height: size, width: size, channels, pixels };
}

/** Reads all images in sequence. */
async function collect(
  images: Iterable<LabelledImage> | AsyncIterable<LabelledImage>,
  { size, channels, decoder, signal }: Wanted,
): Promise<Pixels & { readonly labels: readonly Label[] }> {
  const labels: Label[] = [];
  const kept: Uint8Array[] = [];
  let areGrey = channels === undefined;
  for await (const each of images) {
    signal?.throwIfAborted();
    const what = `image ${kept.length}`;
    if (typeof each !== 'object' || each === null || !('image' in each) || !('label' in each)) {
      throw new DataError(`${what} is ${said(each)}: expected { image, label }`);
    }
    // Stored as RGB until it is known whether all images are grayscale; grayscale pixels then have three equal
    // channels.
    kept.push(await readImage(each.image, { size, channels: channels ?? 3 }, decoder, what));
    areGrey &&= await isGrey(each.image, decoder);
    labels.push(each.label);
  }
  if (kept.length === 0) throw new DataError('there are no images');
  const all = areGrey ? kept.map(firstOfThree) : kept;
  const depth = areGrey ? 1 : (channels ?? 3);
  const bytes = size * size * depth;
  const pixels = { read: (at: number, to: Uint8Array) => to.set(all[at / bytes]!) };
  return { count: all.length, height: size, width: size, channels: depth, pixels, labels };
}

async function isGrey(image: ImageInput, decoder: ImageDecoder): Promise<boolean> {
  const bytes = await encodedBytes(image);
  if (bytes) return (await decoder.open(bytes)).isGrey;
  const { width, height, data } = image as Exclude<ImageInput, Uint8Array | ArrayBuffer | Blob>;
  return data.length === width * height;
}

function firstOfThree(pixels: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: pixels.length / 3 }, (_, i) => pixels[3 * i]!);
}
