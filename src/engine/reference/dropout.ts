import type { DropoutMask } from '../../graph/op.ts';
import { belowRate, randomBits } from '../../tensor/random.ts';
import type { RunScalars } from '../engine.ts';

/**
 * Zero if the element's random number is below the threshold, otherwise divided by 1 − rate. NaN stays NaN.
 * @param images of x; the first has index `firstImage` in the step's batch.
 */
export function dropout(
  x: Float64Array,
  images: number,
  { rate, stream }: DropoutMask,
  { stepSeed = 0, firstImage = 0 }: RunScalars,
): Float64Array {
  const threshold = belowRate(rate);
  const first = firstImage * (x.length / images);
  const isDropped = (i: number) => randomBits(stepSeed, stream, first + i) < threshold;
  return x.map((value, i) => value * (isDropped(i) ? 0 : 1 / (1 - rate)));
}
