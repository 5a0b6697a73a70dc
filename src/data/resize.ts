import type { Pair } from '../tensor/shape.ts';

/**
 * Bilinear resizing, bit-identical to Pillow, and therefore to torchvision's `Resize` on images: a horizontal pass
 * rounded to bytes, then a vertical one; weights in 22-bit fixed point; a wider filter (antialiasing) for
 * downscaling. Source: Pillow, src/libImaging/Resample.c.
 */
export interface Resizer {
  /**
   * Resizes the image [height, width, channels] at offset `from`; writes the window, [height, width, channels].
   */
  resize(pixels: Uint8Array, from: number, to: Uint8Array): void;
}

const PRECISION_BITS = 22;

/** For each output position: the first input, the number of inputs, and their weights. */
interface Taps {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  /** Maximum number of weights per position. */
  readonly most: number;
}

/** The part of a resized image that is computed. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

export function createResizer(
  [height, width]: Pair,
  [outHeight, outWidth]: Pair,
  channels: number,
  window: Window = { top: 0, left: 0, height: outHeight, width: outWidth },
): Resizer {
  const across = taps(width, outWidth, window.left, window.width);
  const down = taps(height, outHeight, window.top, window.height);
  const firstRow = down.first[0]!;
  const rowCount = down.first.at(-1)! + down.counts.at(-1)! - firstRow;
  for (let i = 0; i < down.first.length; i++) down.first[i]! -= firstRow;
  const rowBytes = width * channels;
  const keepsWidth = width === outWidth && window.width === width;
  const keepsHeight = height === outHeight && window.height === height;
  const between = new Uint8Array(rowCount * window.width * channels);
  return {
    resize(pixels, from, to) {
      const rows = { count: rowCount, inStep: rowBytes, outStep: window.width * channels };
      const start = from + firstRow * rowBytes;
      const source = pixels.subarray(start, start + rowCount * rowBytes);
      if (keepsWidth) between.set(source);
      else pass(across, source, between, window.width, rows, channels, channels);
      if (keepsHeight) to.set(between);
      else {
        const columns = { count: window.width * channels, inStep: 1, outStep: 1 };
        pass(down, between, to, window.height, columns, window.width * channels, 1);
      }
    },
  };
}

/**
 * Resizes along one axis. `lines`: offsets of the lines along it; `step`: distance between neighbors in a line.
 */
function pass(
  { first, counts, weights, most }: Taps,
  source: Uint8Array,
  to: Uint8Array,
  outSize: number,
  lines: { readonly count: number; readonly inStep: number; readonly outStep: number },
  step: number,
  interleaved: number,
): void {
  for (let line = 0; line < lines.count; line++) {
    for (let i = 0; i < outSize; i++) {
      for (let c = 0; c < interleaved; c++) {
        const start = line * lines.inStep + first[i]! * step + c;
        let sum = 1 << (PRECISION_BITS - 1);
        for (let k = 0; k < counts[i]!; k++) sum += source[start + k * step]! * weights[i * most + k]!;
        const value = sum >> PRECISION_BITS;
        to[line * lines.outStep + i * step + c] = Math.max(0, Math.min(255, value));
      }
    }
  }
}

/** The taps of output positions [begin, begin + count). */
function taps(size: number, outSize: number, begin: number, count: number): Taps {
  const scale = size / outSize;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const [first, counts] = [new Int32Array(count), new Int32Array(count)];
  const weights = new Int32Array(count * most);
  for (let i = 0; i < count; i++) {
    const center = (begin + i + 0.5) * scale;
    const from = Math.max(0, Math.trunc(center - support + 0.5));
    const to = Math.min(size, Math.trunc(center + support + 0.5));
    const raw = Array.from({ length: to - from }, (_, k) =>
      Math.max(0, 1 - Math.abs((k + from - center + 0.5) / support)),
    );
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    first[i] = from;
    counts[i] = to - from;
    raw.forEach((weight, k) => {
      weights[i * most + k] = Math.trunc(0.5 + (weight / total) * 2 ** PRECISION_BITS);
    });
  }
  return { first, counts, weights, most };
}
