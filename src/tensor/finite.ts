/** True if no number is NaN or infinite. `every(Number.isFinite)` allocates each number, and takes ten times as long. */
export function allFinite(numbers: Float32Array | Float64Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i]!)) return false;
  return true;
}
