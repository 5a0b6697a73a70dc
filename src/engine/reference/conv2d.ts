import type {
  Conv2d,
  Conv2dGradInput,
  Conv2dGradWeight,
  Conv2dMaxPool,
  Conv2dMaxPoolGradWeight,
  Linear,
  LinearGradInput,
  LinearGradWeight,
  ValueId,
  Window,
} from '../../graph/op.ts';
import { type Frame, forPlanes, type Planes } from './frame.ts';
import { addProduct, type Matrix, rowMajor, transposed } from './matrix.ts';
import { applied, gradientAt, prologued, throughPrologue } from './prologue.ts';

// For each image, a convolution is a product of matrices: outputs [O × pixels] = weight [O × taps] · patchesᵀ, where
// patches [pixels × taps] holds the inputs of each output pixel (im2col), in the order C, kH, kW of the weights.

/** A linear layer is a 1×1 convolution of a 1×1 map. */
const POINT: Window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };

export function conv2d(frame: Frame, op: Conv2d | Conv2dMaxPool | Linear): Float64Array[] {
  const u = prologued(frame, op.x, op.prologue);
  const out = frame.planes(op.outputs[0]!);
  const input = frame.planes(op.x);
  const y = new Float64Array(out.n * out.c * out.pixels);
  if (op.bias !== undefined) {
    const bias = frame.get(op.bias);
    forPlanes(out, (c, first, end) => y.fill(bias[c]!, first, end));
  }
  const taps = new Taps(input, out, windowOf(op));
  const weight = rowMajor(frame.get(op.weight), 0, out.c, taps.count);
  const patches = rowMajor(new Float64Array(out.pixels * taps.count), 0, out.pixels, taps.count);
  for (let n = 0; n < out.n; n++) {
    taps.gather(u, n, patches.data);
    addProduct(image(y, out, n), weight, transposed(patches));
  }
  return [applied(frame, y, out, 'epilogue' in op ? op.epilogue : undefined)];
}

export function conv2dGradInput(
  frame: Frame,
  op: Conv2dGradInput | LinearGradInput,
): Promise<Float64Array[]> {
  const dy = gradientAt(frame, op.gradOutput);
  const out = outPlanes(frame, op);
  const du = new Float64Array(frame.get(op.x).length);
  const taps = new Taps(frame.planes(op.x), out, windowOf(op));
  const weight = rowMajor(frame.get(op.weight), 0, out.c, taps.count);
  const gradPatches = rowMajor(new Float64Array(out.pixels * taps.count), 0, out.pixels, taps.count);
  for (let n = 0; n < out.n; n++) {
    gradPatches.data.fill(0);
    addProduct(gradPatches, transposed(image(dy, out, n)), weight);
    taps.scatter(gradPatches.data, n, du);
  }
  return throughPrologue(frame, op.x, op.prologue, du);
}

/** [gradWeight, gradBias] */
export function conv2dGradWeight(
  frame: Frame,
  op: Conv2dGradWeight | LinearGradWeight,
): Promise<Float64Array[]> {
  return sumGradWeight(frame, op, gradientAt(frame, op.gradOutput), outPlanes(frame, op));
}

/** The same from dy, the gradient at the convolution's output. */
export async function sumGradWeight(
  frame: Frame,
  op: Conv2dGradWeight | Conv2dMaxPoolGradWeight | LinearGradWeight,
  dy: Float64Array,
  out: Planes,
): Promise<Float64Array[]> {
  const u = prologued(frame, op.x, op.prologue);
  const taps = new Taps(frame.planes(op.x), out, windowOf(op));
  const weights = frame.get(op.weight).length;
  const patches = rowMajor(new Float64Array(out.pixels * taps.count), 0, out.pixels, taps.count);
  const sums = await frame.sumOverImages(out.n, (first, end) => {
    const both = new Float64Array(weights + out.c);
    const gradWeight = rowMajor(both, 0, out.c, taps.count);
    for (let n = first; n < end; n++) {
      taps.gather(u, n, patches.data);
      addProduct(gradWeight, image(dy, out, n), patches);
    }
    const add = (c: number, from: number, to: number) => {
      for (let i = from; i < to; i++) both[weights + c]! += dy[i]!;
    };
    forPlanes(out, add, [first, end]);
    return both;
  });
  return [sums.slice(0, weights), sums.slice(weights)];
}

/** One image of a feature map as channels × pixels. */
function image(data: Float64Array, { c, pixels }: Planes, n: number): Matrix {
  return rowMajor(data, n * c * pixels, c, pixels);
}

/** Maps each output pixel of an image to its inputs. */
class Taps {
  /** C·kH·kW: inputs per output pixel. */
  readonly count: number;
  /** For each pixel and tap, in this order: index of the input in its image, or -1 in the padding. */
  readonly #source: Int32Array;
  readonly #imageSize: number;

  constructor(input: Planes, out: Planes, { kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] }: Window) {
    this.count = input.c * kh * kw;
    this.#imageSize = input.c * input.pixels;
    this.#source = new Int32Array(out.pixels * this.count);
    let at = 0;
    for (let i = 0; i < out.h; i++) {
      for (let j = 0; j < out.w; j++) {
        for (let c = 0; c < input.c; c++) {
          for (let ki = 0; ki < kh; ki++) {
            for (let kj = 0; kj < kw; kj++) {
              const [row, column] = [i * sh + ki - ph, j * sw + kj - pw];
              const inside = row >= 0 && row < input.h && column >= 0 && column < input.w;
              this.#source[at++] = inside ? (c * input.h + row) * input.w + column : -1;
            }
          }
        }
      }
    }
  }

  /** patches = the inputs of each output pixel of image n; zero in the padding (im2col). */
  gather(x: Float64Array, n: number, patches: Float64Array): void {
    const source = this.#source;
    const first = n * this.#imageSize;
    for (let at = 0; at < source.length; at++) {
      const from = source[at]!;
      patches[at] = from < 0 ? 0 : x[first + from]!;
    }
  }

  /** Adds each entry of the patches to the element of x, in image n, that it was gathered from (col2im). */
  scatter(patches: Float64Array, n: number, x: Float64Array): void {
    const source = this.#source;
    const first = n * this.#imageSize;
    for (let at = 0; at < source.length; at++) {
      const to = source[at]!;
      if (to >= 0) x[first + to]! += patches[at]!;
    }
  }
}

function windowOf(op: Window | { readonly kind: `linear${string}` }): Window {
  return 'kernel' in op ? op : POINT;
}

function outPlanes(frame: Frame, op: { readonly gradOutput: { readonly value: ValueId } }): Planes {
  return frame.planes(op.gradOutput.value);
}
