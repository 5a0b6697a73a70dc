/**
 * How far a float32 engine may stray from float64, relative to the largest value of the tensor. Rounding grows with
 * the square root of a sum's length (errors are of either sign), and once more for each sum an op follows; a batch
 * norm divides by a standard deviation, which magnifies. 64 ε covers the deepest composition of the cases.
 */
export function tolerance(reductionLength: number): number {
  const epsilon = 2 ** -24;
  return 64 * epsilon * Math.sqrt(Math.max(1, reductionLength));
}
