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
/** Longer ones are no images: rows of one pixel, or a single row, which decoders need minutes or gigabytes for. */
const MAX_SIDE = 1_000_000;
/** Each pass over an image takes its time again. */
const MAX_SCANNED_PIXELS = 20 * MAX_PIXELS;
/** What is within the other bounds takes seconds: so long it takes on no machine, however busy. */
const MAX_SECONDS = 600;
const [START_OF_SCAN, END_OF_IMAGE] = [0xda, 0xd9];

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'no permission to read it',
  EISDIR: 'is a folder',
};

/** Of a file that may be read. @throws DataError with the reason alone, without the name. */
export async function imageFileBytes(path: string): Promise<number> {
  const { size } = await stat(path).catch(refuseFile);
  if (size === 0) throw new DataError('is empty');
  if (size > MAX_FILE_BYTES) throw new DataError('is larger than 256 MiB');
  return size;
}

/** A file's bytes. @throws DataError with the reason alone, without the name. */
export async function readImageFile(path: string): Promise<Uint8Array> {
  await imageFileBytes(path);
  return readFile(path).catch(refuseFile);
}

function refuseFile(error: NodeJS.ErrnoException): never {
  const { code } = error;
  throw code === undefined ? error : new DataError(REFUSALS[code] ?? `cannot be read (${code})`);
}

/**
 * Reads the head of a JPEG, PNG or WebP, told apart by content. EXIF's orientation is applied; transparency and colour
 * profiles are ignored, as Pillow's `convert('RGB')` does, and inks become light as there. Of 16 bits the upper 8 are
 * kept: so does Pillow with colours, but it cuts grey off at 255, which leaves a white image.
 * @throws DataError with the reason alone, without a file's name.
 */
export async function openImage(bytes: Uint8Array): Promise<OpenedImage> {
  const kind = kindOf(bytes);
  if (!kind) throw new DataError('is neither JPEG, PNG nor WebP');
  const sharp = await loadSharp();
  // failOn error: what is truncated or damaged is refused, what merely is unusual is not.
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

/** All of it. @throws DataError with the reason alone, without a file's name. */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  return (await openImage(bytes)).decode();
}

/** Memory that libvips takes to decode, and its result: measured with images of 100 million pixels. */
function bytesPerPixel(
  { channels, depth, isProgressive, orientation = 1, space }: Metadata,
  kind: ImageKind,
): number {
  const stored = channels * (depth === 'ushort' ? 2 : 1);
  const result = space === 'grey16' ? 3 : space === 'cmyk' ? 7 : Math.min(3, channels);
  // Coefficients of a progressive JPEG have 16 bits; libwebp decodes all of an image, into an array beside its own.
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

/** Cyan, magenta, yellow and black of each pixel → RGB, with Pillow's rounding: (255 − K)·(255 − C)/255 for red. */
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

/** Numbers of 16 bits, the lower byte first. */
function upperBytes({ data, info: { height, width } }: Raw): DecodedImage {
  const pixels = new Uint8Array(height * width);
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[2 * i + 1]!;
  return { height, width, channels: 1, pixels };
}

/** Decodes with sharp. */
export const SHARP_DECODER: ImageDecoder = { atOnce: 2 * availableParallelism(), open: openImage };

/**
 * Encodes an image as PNG, its longer side `side` pixels or a little more: pixels are repeated where it is smaller, as
 * small images are looked at pixel by pixel.
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
  sharp.cache(false); // No image is read twice.
  return sharp;
}

/** Passes over the pixels of a JPEG: a progressive one has about ten, a malicious one thousands. */
function jpegScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = 2; at + 3 < bytes.length; ) {
    const marker = bytes[at + 1]!;
    // Data of a scan holds FF only before 00, and before the numbers of restarts.
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
