/** More is refused before it is decoded: a few kilobytes can claim to be gigabytes of pixels. */
export const MAX_PIXELS = 100_000_000;

/** An image as bytes: [height, width, channels], grey or RGB. */
export interface DecodedImage {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/** What decodes JPEG, PNG and WebP on the machine this runs on. */
export interface ImageDecoder {
  /** Images worth decoding at once. */
  readonly atOnce: number;
  /** @throws DataError with the reason alone, without a file's name. */
  decode(bytes: Uint8Array): Promise<DecodedImage>;
  /** Whether an image is stored without colour. @throws DataError with the reason alone. */
  isGrey(bytes: Uint8Array): Promise<boolean>;
}
