/** The supported image formats. */
export type ImageKind = 'JPEG' | 'PNG' | 'WebP';

/** The header of an image file. */
export interface ImageHeader {
  readonly kind: ImageKind;
  /** In pixels; undefined if the header is damaged. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Whether it is stored as grayscale. */
  readonly isGrey: boolean;
  readonly isAnimated: boolean;
}

/** The format of a file, from its first bytes. */
export function kindOf(bytes: Uint8Array): ImageKind | undefined {
  if (textAt(bytes, 0, 3) === '\xff\xd8\xff') return 'JPEG';
  if (textAt(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return 'PNG';
  return textAt(bytes, 0, 4) === 'RIFF' && textAt(bytes, 8, 12) === 'WEBP' ? 'WebP' : undefined;
}

/** Parses the header; undefined for other formats. */
export function imageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const kind = kindOf(bytes);
  if (!kind) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = { JPEG: jpegHeader, PNG: pngHeader, WebP: webpHeader }[kind];
  const unknown = { width: undefined, height: undefined, isGrey: false, isAnimated: false };
  try {
    return { kind, ...unknown, ...read(view, bytes) };
  } catch {
    return { kind, ...unknown }; // The file is truncated before the sizes.
  }
}

type Found = Partial<Omit<ImageHeader, 'kind'>>;

/** The first frame's header (ITU-T T.81, B.2.2). */
function jpegHeader(view: DataView): Found {
  for (let at = 2; ; ) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      return { height, width, isGrey: view.getUint8(at + 9) === 1 };
    }
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
}

/** Color types 0 and 4 are grayscale (https://www.w3.org/TR/png-3/#11IHDR). */
function pngHeader(view: DataView, bytes: Uint8Array): Found {
  const isGrey = [0, 4].includes(view.getUint8(25));
  return { width: view.getUint32(16), height: view.getUint32(20), isGrey, isAnimated: isAnimatedPng(bytes) };
}

/** Format: https://developers.google.com/speed/webp/docs/riff_container */
function webpHeader(view: DataView, bytes: Uint8Array): Found {
  const kind = textAt(bytes, 12, 16);
  if (kind === 'VP8X') {
    const size = (at: number) => 1 + view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
    return { width: size(24), height: size(27), isAnimated: (view.getUint8(20) & 2) !== 0 };
  }
  if (kind === 'VP8L') {
    const bits = view.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

/** Whether an `acTL` chunk precedes the first data (https://www.w3.org/TR/png-3/#acTL-chunk). */
export function isAnimatedPng(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Chunks are length, type, data and checksum. They are parsed in order, because a text chunk may contain any
  // bytes.
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = textAt(bytes, at + 4, at + 8);
    if (type === 'acTL' || type === 'IDAT') return type === 'acTL';
  }
  return false;
}

function textAt(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
