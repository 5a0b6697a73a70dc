import { DataError } from './dataset.ts';

/** Larger images are rejected before decoding: a few kilobytes can declare gigabytes of pixels. */
export const MAX_PIXELS = 100_000_000;

/** An image as bytes, [height, width, channels], grayscale or RGB. */
export interface DecodedImage {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/** An image file of which only the header has been read. */
export interface OpenedImage {
  /** Whether it is stored as grayscale. */
  readonly isGrey: boolean;
  /** min(height, width) in pixels. */
  readonly shorterSide: number;
  /** Upper bound of the memory for decoding, including the result. */
  readonly decodeBytes: number;
  /** @throws DataError with the reason but not the file name. */
  decode(): Promise<DecodedImage>;
}

/** The platform's decoder for JPEG, PNG and WebP. */
export interface ImageDecoder {
  /** Number of images to decode concurrently. */
  readonly atOnce: number;
  /** @throws DataError with the reason but not the file name. */
  open(bytes: Uint8Array): Promise<OpenedImage>;
}

/**
 * Memory for decoding is limited to FREE_BYTES + BYTES_PER_FILE_BYTE · file size, because a small file can declare
 * gigabytes.
 */
const FREE_BYTES = 256 * 2 ** 20;
const BYTES_PER_FILE_BYTE = 4;

/** @throws DataError, without the file name, if decoding would need too much memory for the size of the file. */
export function requireProportionate(decodeBytes: number, fileBytes: number): void {
  if (decodeBytes <= FREE_BYTES + BYTES_PER_FILE_BYTE * fileBytes) return;
  const mebibytes = Math.ceil(decodeBytes / 2 ** 20);
  throw new DataError(`takes ${mebibytes} MiB to decode, far more than its file: save it with fewer pixels`);
}
