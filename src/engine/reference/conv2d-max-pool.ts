import type { Conv2dMaxPool, Conv2dMaxPoolGradWeight } from '../../graph/op.ts';
import { conv2d, sumGradWeight } from './conv2d.ts';
import { type Frame, forPlanes, type Planes } from './frame.ts';
import { forWindows, scatterToWinners, winnersOf } from './pool.ts';
import { gradientThroughStatistics } from './prologue.ts';

/** [y, m, index]: the whole map (unlike in other engines), and its values where sign(γ)·y is greatest. */
export function conv2dMaxPool(frame: Frame, op: Conv2dMaxPool): Float64Array[] {
  const [input, out] = op.outputs.map((id) => frame.planes(id)) as [Planes, Planes];
  const [y] = conv2d(frame, op) as [Float64Array];
  const gamma = op.gamma === undefined ? undefined : frame.get(op.gamma);
  const signed = y.slice();
  forPlanes(input, (c, first, end) => {
    for (let i = first; i < end; i++) signed[i]! *= gamma ? Math.sign(gamma[c]!) : 1;
  });
  const [m, index] = winnersOf(signed, input, out, op.pool) as [Float64Array, Float64Array];
  forWindows(input, out, op.pool, (at, from, position) => {
    if (index[at] === position) m[at] = y[from]!;
  });
  return [y, m, index];
}

/** [gradWeight, gradBias] */
export function conv2dMaxPoolGradWeight(frame: Frame, op: Conv2dMaxPoolGradWeight): Promise<Float64Array[]> {
  const { value, correction } = op.gradOutput;
  const [input, out] = [frame.planes(op.y), frame.planes(value)];
  const dy = scatterToWinners(frame.get(value), frame.get(op.index), input, out, op.pool);
  if (correction) {
    gradientThroughStatistics(frame, correction).forEach((through, i) => {
      dy[i]! += through;
    });
  }
  return sumGradWeight(frame, op, dy, input);
}
