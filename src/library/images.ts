import { DataError } from '../data/dataset.ts';
import { fitImage } from '../data/fit-image.ts';
import type { DecodedImage, ImageDecoder } from '../data/image.ts';
import { counted } from '../tensor/counted.ts';
import { said } from './said.ts';

/**
 * Pixels in rows from the top left: grayscale, RGB or RGBA, depending on the length of `data` (as `ImageData`).
 */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, channels] bytes. Transparency is ignored. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** An image: a JPEG, PNG or WebP file as bytes (`Buffer`, `ArrayBuffer`, `Blob` or `File`), or its pixels. */
export type ImageInput = Uint8Array | ArrayBuffer | Blob | PixelImage;

/** The input format of a network. */
export interface Reads {
  /** Height and width in pixels. */
  readonly size: number;
  readonly channels: number;
}

/**
 * Converts an image to the input format of a network (`fitImage`).
 * @param what name of the image in messages, such as `image 3 of 10`; without it, messages have only the reason.
 * @throws DataError
 */
export async function readImage(
  image: ImageInput,
  reads: Reads,
  decoder: ImageDecoder,
  what?: string,
): Promise<Uint8Array> {
  try {
    return fitImage(await decoded(image, reads.channels, decoder), reads.size, reads.channels);
  } catch (error) {
    throw error instanceof DataError && what !== undefined
      ? new DataError(`${what} ${error.message}`)
      : error;
  }
}

async function decoded(image: ImageInput, channels: number, decoder: ImageDecoder): Promise<DecodedImage> {
  const bytes = await encodedBytes(image);
  if (!bytes) return decodedPixels(image as PixelImage, channels);
  requireColours(channels);
  return (await decoder.open(bytes)).decode();
}

/** The bytes of an image file; undefined for other values. */
export async function encodedBytes(image: unknown): Promise<Uint8Array | undefined> {
  if (image instanceof Uint8Array) return image;
  if (image instanceof ArrayBuffer) return new Uint8Array(image);
  return image instanceof Blob ? new Uint8Array(await image.arrayBuffer()) : undefined;
}

/**
 * Checks and converts a `PixelImage`. @throws DataError, without the image's name, unless it has enough channels.
 */
export function decodedPixels(image: PixelImage, channels: number): DecodedImage {
  const { width, height, data } = isObject(image) ? image : {};
  const isSize = (side: unknown) => Number.isInteger(side) && (side as number) > 0;
  if (
    !isSize(width) ||
    !isSize(height) ||
    !(data instanceof Uint8Array || data instanceof Uint8ClampedArray)
  ) {
    throw new DataError(`is ${said(image)}: ${EXPECTED_IMAGE}`);
  }
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const has = data.length / (width! * height!);
  if (has === channels && channels !== 1 && channels !== 3)
    return fewer(pixels, { width, height, has, keep: has });
  if (has !== 1 && has !== 3 && has !== 4) {
    throw new DataError(
      `of ${width}×${height} pixels has ${counted(data.length, 'byte')}: expected 1, 3 or 4 for each pixel`,
    );
  }
  requireColours(channels);
  return fewer(pixels, { width, height, has, keep: has === 1 ? 1 : 3 });
}

/** Keeps the first channels of each pixel. */
function fewer(
  pixels: Uint8Array,
  {
    width,
    height,
    has,
    keep,
  }: { width: number | undefined; height: number | undefined; has: number; keep: number },
): DecodedImage {
  const image = { width: width!, height: height!, channels: keep as DecodedImage['channels'] };
  if (has === keep) return { ...image, pixels };
  const kept = new Uint8Array((pixels.length / has) * keep);
  for (let i = 0; i < kept.length; i++) kept[i] = pixels[Math.floor(i / keep) * has + (i % keep)]!;
  return { ...image, pixels: kept };
}

const EXPECTED_IMAGE =
  'expected the bytes of a JPEG, PNG or WebP file (`await readFile(path)`), or pixels as { width, height, data }';

function requireColours(channels: number): void {
  if (channels === 1 || channels === 3) return;
  throw new DataError(
    `is grey or has colours, and the network reads ${channels} channels: expected { width, height, data } with ${channels} bytes for each pixel`,
  );
}

function isObject(value: unknown): value is Partial<PixelImage> {
  return typeof value === 'object' && value !== null;
}
