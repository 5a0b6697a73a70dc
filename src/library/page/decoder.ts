import { DataError } from '../../data/dataset.ts';
import {
  type DecodedImage,
  type ImageDecoder,
  MAX_PIXELS,
  type OpenedImage,
  requireProportionate,
} from '../../data/image.ts';
import { type ImageHeader, type ImageKind, imageHeader } from '../../data/image-header.ts';
import { decodedPixels } from '../images.ts';

type Decode = (bytes: ArrayBuffer) => Promise<Pick<ImageData, 'width' | 'height' | 'data'>>;

/** Decoders, each fetched on first use. The EXIF orientation of a JPEG is applied. */
const DECODERS: Readonly<Record<ImageKind, () => Promise<Decode>>> = {
  JPEG: async () => {
    const { default: decode } = await import('@jsquash/jpeg/decode.js');
    return (bytes) => decode(bytes, { preserveOrientation: true });
  },
  PNG: async () => (await import('@jsquash/png/decode.js')).default,
  WebP: async () => (await import('@jsquash/webp/decode.js')).default,
};

/** Decodes with the same code in all browsers, so results are identical. */
export const PAGE_DECODER: ImageDecoder = decoderOf((kind, bytes) =>
  DECODERS[kind]().then((decode) => decode(bytes)),
);

/** Decodes with the browser's decoder: nothing is fetched, but pixels differ slightly between browsers. */
export const CANVAS_DECODER: ImageDecoder = decoderOf(async (_, bytes) => {
  const bitmap = await createImageBitmap(new Blob([bytes]), {
    premultiplyAlpha: 'none',
    colorSpaceConversion: 'none',
  });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
});

function decoderOf(decode: (kind: ImageKind, bytes: ArrayBuffer) => ReturnType<Decode>): ImageDecoder {
  return {
    atOnce: 4,
    async open(bytes): Promise<OpenedImage> {
      const { kind, isGrey, width, height } = requireImage(bytes);
      const decodeBytes = 8 * width * height; // RGBA pixels, and the result.
      requireProportionate(decodeBytes, bytes.length);
      return {
        isGrey,
        shorterSide: Math.min(width, height),
        decodeBytes,
        decode: () => decodeWith(decode, kind, isGrey, bytes),
      };
    },
  };
}

async function decodeWith(
  decode: (kind: ImageKind, bytes: ArrayBuffer) => ReturnType<Decode>,
  kind: ImageKind,
  isGrey: boolean,
  bytes: Uint8Array,
): Promise<DecodedImage> {
  try {
    const { width, height, data } = await decode(kind, Uint8Array.from(bytes).buffer);
    const image = decodedPixels({ width, height, data }, 3);
    if (!isGrey) return image;
    const grey = Uint8Array.from({ length: width * height }, (_, i) => image.pixels[3 * i]!);
    return { width, height, channels: 1, pixels: grey };
  } catch (error) {
    const { message } = error as Error;
    // The codecs are separate WebAssembly files, which a bundle may lack.
    if (/wasm|WebAssembly|import|fetch/i.test(message)) {
      throw new Error(
        `the decoder of ${kind} files cannot be loaded (${message}): serve the .wasm files of @jsquash beside the bundle, ` +
          "or take the browser's own decoder with the option `decoder: CANVAS_DECODER`",
        { cause: error },
      );
    }
    throw new DataError(`is damaged (${message})`);
  }
}

/** @throws DataError with the reason but not the file name. */
function requireImage(
  bytes: Uint8Array,
): Pick<ImageHeader, 'kind' | 'isGrey'> & { readonly width: number; readonly height: number } {
  const header = imageHeader(bytes);
  if (!header) throw new DataError('is neither JPEG, PNG nor WebP');
  if (header.isAnimated) throw new DataError('is animated');
  const { width, height } = header;
  if (width === undefined || height === undefined) throw new DataError('is damaged (it has no size)');
  if (width * height > MAX_PIXELS) throw new DataError(`has more than ${MAX_PIXELS / 1e6} million pixels`);
  return { ...header, width, height };
}
