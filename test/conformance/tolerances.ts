import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { elementCount } from '../../src/tensor/shape.ts';

/**
 * How far a float32 engine may stray from float64, relative to the largest value of the tensor. Rounding grows with
 * the square root of a sum's length (errors are of either sign), and once more for each sum an op follows; a batch
 * norm divides by a standard deviation, which magnifies. 64 ε covers the deepest composition of the cases.
 */
export function tolerance(reductionLength: number): number {
  const epsilon = 2 ** -24;
  return 64 * epsilon * Math.sqrt(Math.max(1, reductionLength));
}

/** The longest sum of a network: over inputs of a filter in a convolution, over images and pixels in statistics. */
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
