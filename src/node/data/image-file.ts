import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Metadata, Sharp } from 'sharp';
import { DataError } from '../../data/dataset.ts';
import {
  type DecodedImage,
  type ImageDecoder,
  MAX_PIXELS,
  type OpenedImage,
  requireProportionate,
} from '../../data/image.ts';
import { type ImageKind, isAnimatedPng, kindOf } from '../../data/image-header.ts';

const MAX_FILE_BYTES = 256 * 2 ** 20;
/** Limit on height and width: decoders need minutes or gigabytes for a single row or column of pixels. */
const MAX_SIDE = 1_000_000;
/** Limit on pixels times scans of a JPEG, because each scan takes the time of decoding all pixels. */
const MAX_SCANNED_PIXELS = 20 * MAX_PIXELS;
/** Timeout for decoding. Images within the other limits take seconds, so this allows for very busy machines. */
const MAX_SECONDS = 600;
const [START_OF_SCAN, END_OF_IMAGE] = [0xda, 0xd9];

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'no permission to read it',
  EISDIR: 'is a folder',
};

/** Size of a readable regular file in bytes. @throws DataError with the reason but not the file name. */
export async function imageFileBytes(path: string): Promise<number> {
  const { size } = await stat(path).catch(refuseFile);
  if (size === 0) throw new DataError('is empty');
  if (size > MAX_FILE_BYTES) throw new DataError('is larger than 256 MiB');
  return size;
}

/** The bytes of a file. @throws DataError with the reason but not the file name. */
export async function readImageFile(path: string): Promise<Uint8Array> {
  await imageFileBytes(path);
  return readFile(path).catch(refuseFile);
}

function refuseFile(error: NodeJS.ErrnoException): never {
  const { code } = error;
  throw code === undefined ? error : new DataError(REFUSALS[code] ?? `cannot be read (${code})`);
}

/**
 * Reads the header of a JPEG, PNG or WebP file, recognized by content. The EXIF orientation is applied. As in
 * Pillow's `convert('RGB')`, transparency and color profiles are ignored and CMYK is converted. 16-bit images keep
 * the upper 8 bits, as in Pillow for color; for grayscale Pillow clips at 255, which results in a white image.
 * @throws DataError with the reason but not the file name.
 */
export async function openImage(bytes: Uint8Array): Promise<OpenedImage> {
  const kind = kindOf(bytes);
  if (!kind) throw new DataError('is neither JPEG, PNG nor WebP');
  const sharp = await loadSharp();
  // failOn 'error': rejects truncated and damaged files, but not files with mere warnings.
  const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error', ignoreIcc: true });
  const head = await image.metadata().catch(refuse);
  if ((head.pages ?? 1) > 1 || (kind === 'PNG' && isAnimatedPng(bytes))) throw new DataError('is animated');
  const longer = Math.max(head.width, head.height);
  if (longer > MAX_SIDE) throw new DataError(`is ${longer} pixels long: a million is the most`);
  const pixels = head.width * head.height;
  const scans = kind === 'JPEG' ? jpegScans(bytes) : 1;
  if (scans * pixels > MAX_SCANNED_PIXELS) {
    throw new DataError(`has ${scans} passes over ${Math.round(pixels / 1e6)} million pixels: save it again`);
  }
  const isGrey = head.space === 'b-w' || head.space === 'grey16';
  const decodeBytes = pixels * bytesPerPixel(head, kind);
  requireProportionate(decodeBytes, bytes.length);
  return {
    isGrey,
    shorterSide: Math.min(head.width, head.height),
    decodeBytes,
    decode: () => decodeWith(image.timeout({ seconds: MAX_SECONDS }), head).catch(refuse),
  };
}

/** Decodes an image completely. @throws DataError with the reason but not the file name. */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  return (await openImage(bytes)).decode();
}

/**
 * Memory of libvips for decoding, including the result, in bytes per pixel; measured with images of 100 million
 * pixels.
 */
function bytesPerPixel(
  { channels, depth, isProgressive, orientation = 1, space }: Metadata,
  kind: ImageKind,
): number {
  const stored = channels * (depth === 'ushort' ? 2 : 1);
  const result = space === 'grey16' ? 3 : space === 'cmyk' ? 7 : Math.min(3, channels);
  // Progressive JPEGs store 16-bit coefficients of the whole image; libwebp decodes the whole image into a second
  // array.
  const whole = kind === 'WebP' ? 6 : isProgressive ? (kind === 'JPEG' ? 2 : 1) * stored : 0;
  const turned = orientation > 1 ? stored : 0;
  return result + whole + turned;
}

async function decodeWith(image: Sharp, { space }: Metadata): Promise<DecodedImage> {
  if (space === 'cmyk') {
    return withoutInks(await rawOf(image.pipelineColourspace('cmyk').autoOrient().toColourspace('cmyk')));
  }
  if (space === 'grey16')
    return upperBytes(await rawOf(image.autoOrient().removeAlpha().toColourspace('grey16'), 'ushort'));
  const isGrey = space === 'b-w';
  const { data, info } = await rawOf(
    image
      .autoOrient()
      .removeAlpha()
      .toColourspace(isGrey ? 'b-w' : 'srgb'),
  );
  return { height: info.height, width: info.width, channels: isGrey ? 1 : 3, pixels: data };
}

function rawOf(image: Sharp, depth: 'uchar' | 'ushort' = 'uchar') {
  return image.raw({ depth }).toBuffer({ resolveWithObject: true });
}
type Raw = Awaited<ReturnType<typeof rawOf>>;

/** CMYK → RGB with Pillow's rounding: red = (255 − K)·(255 − C)/255. */
function withoutInks({ data, info: { height, width } }: Raw): DecodedImage {
  const pixels = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    const light = 255 - data[4 * i + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = data[4 * i + c]! * light + 128;
      pixels[3 * i + c] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return { height, width, channels: 3, pixels };
}

/** The upper bytes of little-endian 16-bit values. */
function upperBytes({ data, info: { height, width } }: Raw): DecodedImage {
  const pixels = new Uint8Array(height * width);
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[2 * i + 1]!;
  return { height, width, channels: 1, pixels };
}

/** Decodes with sharp. */
export const SHARP_DECODER: ImageDecoder = { atOnce: 2 * availableParallelism(), open: openImage };

/**
 * Encodes an image as PNG with a longer side of at least `side` pixels. Smaller images are enlarged by an integer
 * factor, so that single pixels are visible.
 */
export async function encodePng(image: DecodedImage, side: number): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const { height, width, channels, pixels } = image;
  const longer = Math.max(height, width);
  const factor = longer < side ? Math.ceil(side / longer) : side / longer;
  return sharp(pixels, { raw: { height, width, channels } })
    .resize(Math.round(width * factor), Math.round(height * factor), {
      kernel: longer < side ? 'nearest' : 'lanczos3',
      fit: 'fill',
    })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}

async function loadSharp() {
  const { default: sharp } = await import('sharp');
  sharp.cache(false); // Images are not read twice.
  return sharp;
}

/** Number of scans of a JPEG: about ten if progressive; malicious files have thousands. */
function jpegScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = 2; at + 3 < bytes.length; ) {
    const marker = bytes[at + 1]!;
    // In the data of a scan, FF is followed by 00 or by a restart marker.
    const isData =
      bytes[at] !== 0xff || marker === 0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd7);
    if (isData) {
      const next = bytes.indexOf(0xff, at + 1);
      if (next < 0) break;
      at = next;
    } else if (marker === END_OF_IMAGE) break;
    else {
      if (marker === START_OF_SCAN) scans++;
      at += 2 + 256 * bytes[at + 2]! + bytes[at + 3]!;
    }
  }
  return scans;
}

function refuse(error: Error): never {
  throw new DataError(reasonOf(error));
}

function reasonOf({ message }: Error): string {
  if (/pixel limit/.test(message)) return `has more than ${MAX_PIXELS / 1e6} million pixels`;
  if (/^timeout/i.test(message)) return `takes more than ${MAX_SECONDS} seconds to decode`;
  const [first = ''] = message.split('\n').filter(Boolean);
  return `is damaged (${first.replace(/^Vips\w*: /, '').trim()})`;
}
