import { DataError } from './dataset.ts';

/** More is refused before it is decoded: a few kilobytes can claim to be gigabytes of pixels. */
export const MAX_PIXELS = 100_000_000;

/** An image as bytes: [height, width, channels], grey or RGB. */
export interface DecodedImage {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/** An image file of which only the head has been read. */
export interface OpenedImage {
  /** Whether it is stored without colour. */
  readonly isGrey: boolean;
  /** Height or width, in pixels. */
  readonly shorterSide: number;
  /** Memory that decoding takes at most, its result included. */
  readonly decodeBytes: number;
  /** @throws DataError with the reason alone, without a file's name. */
  decode(): Promise<DecodedImage>;
}

/** What decodes JPEG, PNG and WebP on the machine this runs on. */
export interface ImageDecoder {
  /** Images worth decoding at once. */
  readonly atOnce: number;
  /** @throws DataError with the reason alone, without a file's name. */
  open(bytes: Uint8Array): Promise<OpenedImage>;
}

/** Decoding may take so much, and more only of a file that is large itself: a few bytes can claim gigabytes of pixels. */
const FREE_BYTES = 256 * 2 ** 20;
const BYTES_PER_FILE_BYTE = 4;

/** @throws DataError with the reason alone. */
export function requireProportionate(decodeBytes: number, fileBytes: number): void {
  if (decodeBytes <= FREE_BYTES + BYTES_PER_FILE_BYTE * fileBytes) return;
  const mebibytes = Math.ceil(decodeBytes / 2 ** 20);
  throw new DataError(`takes ${mebibytes} MiB to decode, far more than its file: save it with fewer pixels`);
}
