import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { elementCount } from '../../src/tensor/shape.ts';

/**
 * The tolerance of a float32 engine against float64, relative to the largest value of the tensor. Rounding errors
 * grow with the square root of the length of a sum (their signs are random), and with the number of consecutive
 * sums; batch norms amplify them by dividing by a standard deviation. 64 ε covers the deepest composition of the
 * cases.
 */
export function tolerance(reductionLength: number): number {
  const epsilon = 2 ** -24;
  return 64 * epsilon * Math.sqrt(Math.max(1, reductionLength));
}

/**
 * The length of the longest sum in a network: over the inputs of a filter, or over images and pixels in
 * statistics.
 */
export function reductionLength(network: CompiledNetwork): number {
  let longest = 1;
  for (const { graph } of network.programs.values()) {
    for (const { shape, role } of graph.values) {
      if (role === 'parameter' && shape.length > 1) longest = Math.max(longest, elementCount(shape.slice(1)));
      else if (shape.length === 4) longest = Math.max(longest, shape[0]! * shape[2]! * shape[3]!);
    }
  }
  return longest;
}
