import type { Results } from './module-run.ts';

/**
 * The maximum absolute difference of two tensors, relative to the largest value of the correct one; NaN counts as
 * infinite.
 */
export function relativeError(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  scale = largest(want),
): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i]! - want[i]!);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return worst / Math.max(scale, 1e-12);
}

export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

/**
 * The relative error of each tensor. Gradients are relative to the largest gradient of their layer (weight and
 * bias), because the exact gradient of a bias before a batch norm is zero. `floor`: minimum of the reference
 * value, because two consecutive batch norms make the gradients of a layer vanish.
 */
export function errors(got: Results, want: Results, floor = 0): Map<string, number> {
  const layerOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf('.')));
  const scales = new Map<string, number>();
  for (const [name, values] of want) {
    scales.set(layerOf(name), Math.max(scales.get(layerOf(name)) ?? floor, largest(values)));
  }
  return new Map(
    [...want].map(([name, values]) => [
      name,
      relativeError(got.get(name) ?? [], values, scales.get(layerOf(name))),
    ]),
  );
}
