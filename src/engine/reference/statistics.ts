import type { Statistics, UpdateRunningStatistics } from '../../graph/op.ts';
import { type Frame, forPlanes } from './frame.ts';

/** [mean, biased variance] per channel, in two passes. */
export async function statistics(frame: Frame, op: Statistics): Promise<Float64Array[]> {
  const x = frame.get(op.x);
  const planes = frame.planes(op.x);
  const m = frame.ofAllRanks(planes.n) * planes.pixels;
  const meanOf = (each: (value: number, c: number) => number) =>
    frame.sumOverImages(planes.n, (...images) => {
      const sums = new Float64Array(planes.c);
      const add = (c: number, first: number, end: number) => {
        for (let i = first; i < end; i++) sums[c]! += each(x[i]!, c) / m;
      };
      forPlanes(planes, add, images);
      return sums;
    });
  const mean = await meanOf((value) => value);
  return [mean, await meanOf((value, c) => (value - mean[c]!) ** 2)];
}

export function updateRunningStatistics(frame: Frame, op: UpdateRunningStatistics): Float64Array[] {
  const [mean, variance] = [frame.get(op.mean), frame.get(op.variance)];
  const count = frame.ofAllRanks(op.count);
  const blend = (running: Float64Array, batch: Float64Array, unbias: number) =>
    running.map((old, c) => (1 - op.momentum) * old + op.momentum * batch[c]! * unbias);
  return [
    blend(frame.get(op.runningMean), mean, 1),
    blend(frame.get(op.runningVar), variance, count / (count - 1)),
  ];
}
