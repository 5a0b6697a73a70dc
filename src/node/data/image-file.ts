import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Sharp } from 'sharp';
import { DataError } from '../../data/dataset.ts';
import { type DecodedImage, type ImageDecoder, MAX_PIXELS } from '../../data/image.ts';
import { isAnimatedPng, kindOf } from '../../data/image-header.ts';

const MAX_FILE_BYTES = 256 * 2 ** 20;

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'no permission to read it',
  EISDIR: 'is a folder',
};

/** A file's bytes. @throws DataError with the reason alone, without the name. */
export async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size === 0) throw new DataError('is empty');
    if (size > MAX_FILE_BYTES) throw new DataError('is larger than 256 MiB');
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof DataError || code === undefined) throw error;
    throw new DataError(REFUSALS[code] ?? `cannot be read (${code})`);
  }
}

/**
 * Decodes JPEG, PNG or WebP, told apart by content. EXIF's orientation is applied; transparency and colour profiles
 * are ignored, as Pillow's `convert('RGB')` does, and inks become light as there; 16 bits become 8.
 * @throws DataError with the reason alone, without a file's name.
 */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  const { image, grey, inks } = await open(bytes);
  try {
    if (inks)
      return withoutInks(await rawOf(image.pipelineColourspace('cmyk').autoOrient().toColourspace('cmyk')));
    const { data, info } = await image
      .autoOrient()
      .removeAlpha()
      .toColourspace(grey ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { height: info.height, width: info.width, channels: grey ? 1 : 3, pixels: data };
  } catch (error) {
    throw new DataError(reasonOf(error));
  }
}

function rawOf(image: Sharp) {
  return image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
}

/** Cyan, magenta, yellow and black of each pixel → RGB, with Pillow's rounding: (255 − K)·(255 − C)/255 for red. */
function withoutInks({ data, info: { height, width } }: Awaited<ReturnType<typeof rawOf>>): DecodedImage {
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

/** Whether an image is stored without colour. @throws DataError with the reason alone. */
async function isGrey(bytes: Uint8Array): Promise<boolean> {
  return (await open(bytes)).grey;
}

/** Decodes with sharp. */
export const SHARP_DECODER: ImageDecoder = {
  atOnce: 2 * availableParallelism(),
  decode: decodeImage,
  isGrey,
};

/**
 * Encodes an image as PNG, its longer side `side` pixels or a little more: pixels are repeated where it is smaller, as
 * small images are looked at pixel by pixel.
 */
export async function encodePng(image: DecodedImage, side: number): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
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

async function open(bytes: Uint8Array) {
  const { default: sharp } = await import('sharp');
  const kind = kindOf(bytes);
  if (!kind) throw new DataError('is neither JPEG, PNG nor WebP');
  try {
    // failOn error: what is truncated or damaged is refused, what merely is unusual is not.
    const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error', ignoreIcc: true });
    const { pages = 1, space } = await image.metadata();
    if (pages > 1 || (kind === 'PNG' && isAnimatedPng(bytes))) throw new DataError('is animated');
    return { image, grey: space === 'b-w' || space === 'grey16', inks: space === 'cmyk' };
  } catch (error) {
    throw error instanceof DataError ? error : new DataError(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  const { message } = error as Error;
  if (/pixel limit/.test(message)) return `has more than ${MAX_PIXELS / 1e6} million pixels`;
  const [first = ''] = message.split('\n').filter(Boolean);
  return `is damaged (${first.replace(/^Vips\w*: /, '').trim()})`;
}
