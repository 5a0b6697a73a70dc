import type { DropoutMask } from '../../graph/op.ts';
import { belowRate, randomBits } from '../../tensor/random.ts';
import type { RunScalars } from '../engine.ts';

/**
 * Dropout of x, [N, C, H, W]: zero if the random number of the element is below the threshold, otherwise x/(1 −
 * rate). NaN stays NaN.
 * @param images number of images of x; the first has index `firstImage` in the batch of the step.
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
