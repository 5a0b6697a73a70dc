import type { Pair } from '../tensor/shape.ts';

/**
 * Bilinear resizing of bytes with the very bits of Pillow, and so of torchvision's `Resize` on images: a horizontal
 * pass rounded to bytes, then a vertical one, weights in 22-bit fixed point, support widened when an image shrinks.
 * (Pillow, src/libImaging/Resample.c.)
 */
export interface Resizer {
  /** One image of [height, width, channels] bytes at `from` → [outHeight, outWidth, channels] bytes. */
  resize(pixels: Uint8Array, from: number, to: Uint8Array): void;
}

const PRECISION_BITS = 22;

/** For each output position: the first input it reads, how many, and their weights. */
interface Taps {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  /** Room for weights per position. */
  readonly most: number;
}

export function createResizer([height, width]: Pair, [outHeight, outWidth]: Pair, channels: number): Resizer {
  const [across, down] = [taps(width, outWidth), taps(height, outHeight)];
  const between = new Uint8Array(height * outWidth * channels);
  return {
    resize(pixels, from, to) {
      const rows = { count: height, inStep: width * channels, outStep: outWidth * channels };
      const source = pixels.subarray(from, from + height * width * channels);
      if (width === outWidth) between.set(source);
      else pass(across, source, between, outWidth, rows, channels, channels);
      if (height === outHeight) to.set(between);
      else {
        const columns = { count: outWidth * channels, inStep: 1, outStep: 1 };
        pass(down, between, to, outHeight, columns, outWidth * channels, 1);
      }
    },
  };
}

/** Resizes along one axis; `lines` are the runs along it, `step` is the distance of neighbours on it. */
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

function taps(size: number, outSize: number): Taps {
  const scale = size / outSize;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const [first, counts] = [new Int32Array(outSize), new Int32Array(outSize)];
  const weights = new Int32Array(outSize * most);
  for (let i = 0; i < outSize; i++) {
    const center = (i + 0.5) * scale;
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
