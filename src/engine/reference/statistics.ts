import type { Statistics, UpdateRunningStatistics } from '../../graph/op.ts';
import { type Frame, forPlanes } from './frame.ts';

/** [mean, biased variance] per channel, in two passes. */
export function statistics(frame: Frame, op: Statistics): Float64Array[] {
  const x = frame.get(op.x);
  const planes = frame.planes(op.x);
  const m = planes.n * planes.pixels;
  const [mean, variance] = [new Float64Array(planes.c), new Float64Array(planes.c)];
  forPlanes(planes, (c, first, end) => {
    for (let i = first; i < end; i++) mean[c]! += x[i]! / m;
  });
  forPlanes(planes, (c, first, end) => {
    for (let i = first; i < end; i++) variance[c]! += (x[i]! - mean[c]!) ** 2 / m;
  });
  return [mean, variance];
}

export function updateRunningStatistics(frame: Frame, op: UpdateRunningStatistics): Float64Array[] {
  const [mean, variance] = [frame.get(op.mean), frame.get(op.variance)];
  const blend = (running: Float64Array, batch: Float64Array, unbias: number) =>
    running.map((old, c) => (1 - op.momentum) * old + op.momentum * batch[c]! * unbias);
  return [
    blend(frame.get(op.runningMean), mean, 1),
    blend(frame.get(op.runningVar), variance, op.count / (op.count - 1)),
  ];
}
