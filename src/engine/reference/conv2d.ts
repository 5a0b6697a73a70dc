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
import { gradientAt, prologued, throughPrologue } from './prologue.ts';

/** A linear layer is a 1×1 convolution of a 1×1 map. */
const POINT: Window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };

export function conv2d(frame: Frame, op: Conv2d | Conv2dMaxPool | Linear): Float64Array[] {
  const u = prologued(frame, op.x, op.prologue);
  const weight = frame.get(op.weight);
  const out = frame.planes(op.outputs[0]!);
  const y = new Float64Array(out.n * out.c * out.pixels);
  if (op.bias !== undefined) {
    const bias = frame.get(op.bias);
    forPlanes(out, (c, first, end) => y.fill(bias[c]!, first, end));
  }
  forTaps(frame.planes(op.x), out, windowOf(op), (w, xAt, yAt, count, step) => {
    const scale = weight[w]!;
    for (let j = 0; j < count; j++) y[yAt + j]! += scale * u[xAt + j * step]!;
  });
  return [y];
}

export function conv2dGradInput(frame: Frame, op: Conv2dGradInput | LinearGradInput): Float64Array[] {
  const dy = gradientAt(frame, op.gradOutput);
  const weight = frame.get(op.weight);
  const du = new Float64Array(frame.get(op.x).length);
  forTaps(frame.planes(op.x), outPlanes(frame, op), windowOf(op), (w, xAt, yAt, count, step) => {
    const scale = weight[w]!;
    for (let j = 0; j < count; j++) du[xAt + j * step]! += scale * dy[yAt + j]!;
  });
  return throughPrologue(frame, op.x, op.prologue, du);
}

/** [gradWeight, gradBias] */
export function conv2dGradWeight(frame: Frame, op: Conv2dGradWeight | LinearGradWeight): Float64Array[] {
  return sumGradWeight(frame, op, gradientAt(frame, op.gradOutput), outPlanes(frame, op));
}

/** The same from dy, the gradient at the convolution's output. */
export function sumGradWeight(
  frame: Frame,
  op: Conv2dGradWeight | Conv2dMaxPoolGradWeight | LinearGradWeight,
  dy: Float64Array,
  out: Planes,
): Float64Array[] {
  const u = prologued(frame, op.x, op.prologue);
  const gradWeight = new Float64Array(frame.get(op.weight).length);
  forTaps(frame.planes(op.x), out, windowOf(op), (w, xAt, yAt, count, step) => {
    let sum = 0;
    for (let j = 0; j < count; j++) sum += dy[yAt + j]! * u[xAt + j * step]!;
    gradWeight[w]! += sum;
  });
  const gradBias = new Float64Array(out.c);
  forPlanes(out, (c, first, end) => {
    for (let i = first; i < end; i++) gradBias[c]! += dy[i]!;
  });
  return [gradWeight, gradBias];
}

/**
 * Every multiplication of a convolution, a row of outputs at a time: weight w joins inputs x, x + step, … with
 * outputs y, y + 1, …; positions in the padding are left out.
 */
function forTaps(
  input: Planes,
  out: Planes,
  { kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] }: Window,
  visit: (w: number, xAt: number, yAt: number, count: number, step: number) => void,
): void {
  for (let n = 0; n < out.n; n++) {
    for (let o = 0; o < out.c; o++) {
      for (let c = 0; c < input.c; c++) {
        for (let ki = 0; ki < kh; ki++) {
          for (let kj = 0; kj < kw; kj++) {
            const w = ((o * input.c + c) * kh + ki) * kw + kj;
            const first = Math.max(0, Math.ceil((pw - kj) / sw));
            const last = Math.min(out.w - 1, Math.floor((input.w - 1 + pw - kj) / sw));
            if (last < first) continue;
            for (let i = 0; i < out.h; i++) {
              const row = i * sh + ki - ph;
              if (row < 0 || row >= input.h) continue;
              const xAt = ((n * input.c + c) * input.h + row) * input.w + first * sw + kj - pw;
              const yAt = ((n * out.c + o) * out.h + i) * out.w + first;
              visit(w, xAt, yAt, last - first + 1, sw);
            }
          }
        }
      }
    }
  }
}

function windowOf(op: Window | { readonly kind: `linear${string}` }): Window {
  return 'kernel' in op ? op : POINT;
}

function outPlanes(frame: Frame, op: { readonly gradOutput: { readonly value: ValueId } }): Planes {
  return frame.planes(op.gradOutput.value);
}
