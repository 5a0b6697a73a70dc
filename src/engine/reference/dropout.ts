import type { DropoutMask } from '../../graph/op.ts';
import { belowRate, randomBits } from '../../tensor/random.ts';

/** Zero where the element's random number says so, else divided by 1 − rate. NaN stays NaN. */
export function dropout(x: Float64Array, { rate, stream }: DropoutMask, stepSeed: number): Float64Array {
  const threshold = belowRate(rate);
  return x.map((value, i) => value * (randomBits(stepSeed, stream, i) < threshold ? 0 : 1 / (1 - rate)));
}
