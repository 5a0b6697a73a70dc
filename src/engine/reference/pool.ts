import type { AvgPool, AvgPoolGradInput, MaxPool, MaxPoolGradInput, Window } from '../../graph/op.ts';
import type { Frame, Planes } from './frame.ts';
import { gradientAt, prologued, throughPrologue } from './prologue.ts';

/**
 * [y, index]: index is the position in the window, in row-major order, of its first maximum (NaN counts as the maximum).
 */
export function maxPool(frame: Frame, op: MaxPool): Float64Array[] {
  const u = prologued(frame, op.x, op.prologue);
  return winnersOf(u, frame.planes(op.x), frame.planes(op.outputs[0]!), op);
}

export function winnersOf(u: Float64Array, input: Planes, out: Planes, window: Window): Float64Array[] {
  const y = new Float64Array(out.n * out.c * out.pixels).fill(Number.NEGATIVE_INFINITY);
  const index = new Float64Array(y.length);
  forWindows(input, out, window, (at, from, position) => {
    const value = u[from]!;
    if (value > y[at]! || (Number.isNaN(value) && !Number.isNaN(y[at]!))) {
      y[at] = value;
      index[at] = position;
    }
  });
  return [y, index];
}

export function maxPoolGradInput(frame: Frame, op: MaxPoolGradInput): Promise<Float64Array[]> {
  const dy = gradientAt(frame, op.gradOutput);
  const [input, out] = [frame.planes(op.x), frame.planes(op.gradOutput.value)];
  const du = scatterToWinners(dy, frame.get(op.index), input, out, op);
  return throughPrologue(frame, op.x, op.prologue, du);
}

/** Adds each output's gradient at the maximum of its window. */
export function scatterToWinners(
  dy: Float64Array,
  index: Float64Array,
  input: Planes,
  out: Planes,
  window: Window,
): Float64Array {
  const du = new Float64Array(input.n * input.c * input.pixels);
  forWindows(input, out, window, (at, from, position) => {
    if (index[at] === position) du[from]! += dy[at]!;
  });
  return du;
}

/** Padding counts as zeros. */
export function avgPool(frame: Frame, op: AvgPool): Float64Array[] {
  const u = prologued(frame, op.x, op.prologue);
  const out = frame.planes(op.outputs[0]!);
  const y = new Float64Array(out.n * out.c * out.pixels);
  const area = op.kernel[0] * op.kernel[1];
  forWindows(frame.planes(op.x), out, op, (at, from) => {
    y[at]! += u[from]! / area;
  });
  return [y];
}

export function avgPoolGradInput(frame: Frame, op: AvgPoolGradInput): Promise<Float64Array[]> {
  const dy = gradientAt(frame, op.gradOutput);
  const du = new Float64Array(frame.get(op.x).length);
  const area = op.kernel[0] * op.kernel[1];
  forWindows(frame.planes(op.x), frame.planes(op.gradOutput.value), op, (at, from) => {
    du[from]! += dy[at]! / area;
  });
  return throughPrologue(frame, op.x, op.prologue, du);
}

/** Calls `visit` for every (output, input, position in the window) of a pooling. */
export function forWindows(
  input: Planes,
  out: Planes,
  { kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] }: Window,
  visit: (at: number, from: number, position: number) => void,
): void {
  for (let plane = 0; plane < out.n * out.c; plane++) {
    for (let i = 0; i < out.h; i++) {
      for (let j = 0; j < out.w; j++) {
        const at = plane * out.pixels + i * out.w + j;
        for (let position = 0; position < kh * kw; position++) {
          const row = i * sh - ph + Math.floor(position / kw);
          const column = j * sw - pw + (position % kw);
          if (row < 0 || row >= input.h || column < 0 || column >= input.w) continue;
          visit(at, plane * input.pixels + row * input.w + column, position);
        }
      }
    }
  }
}
