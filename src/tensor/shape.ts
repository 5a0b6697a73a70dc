import { InputError } from './input-error.ts';

/** Sizes of a tensor's axes, outermost first. Feature maps are [N, C, H, W] whatever their layout in memory. */
export type Shape = readonly number[];

/** A pair of sizes along height and width, in pixels. */
export type Pair = readonly [height: number, width: number];

/**
 * An invalid shape, thrown while a graph is built. The message has the layer, its input and what would be valid.
 */
export class ShapeError extends InputError {
  override readonly name = 'ShapeError';
  readonly layer: string;
  /** The message without the layer. */
  readonly reason: string;

  constructor(layer: string, reason: string) {
    super(`${layer}: ${reason}`);
    this.layer = layer;
    this.reason = reason;
  }
}

/** Number of elements of a tensor of this shape. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function shapesEqual(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Formats a shape as `4×23×8×8`. */
export function formatShape(shape: Shape): string {
  return shape.length === 0 ? 'scalar' : shape.join('×');
}

/** Reads any shape of features as a feature map: [N, F] is N×F×1×1, a vector [C] is 1×C×1×1. */
export function asFeatureMap(shape: Shape): readonly [n: number, c: number, h: number, w: number] {
  if (shape.length === 4) return [shape[0]!, shape[1]!, shape[2]!, shape[3]!];
  if (shape.length === 2) return [shape[0]!, shape[1]!, 1, 1];
  if (shape.length === 1) return [1, shape[0]!, 1, 1];
  throw new RangeError(`a tensor of shape ${formatShape(shape)} is not a feature map`);
}
