import type { Graph, ValueId } from '../../graph/op.ts';
import { asFeatureMap, type Shape } from '../../tensor/shape.ts';

/** The values of one run by id: float64, dense, in the graph's own order of axes (N, C, H, W). */
export class Frame {
  readonly #graph: Graph;
  readonly #data = new Map<ValueId, Float64Array>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  get(id: ValueId): Float64Array {
    const data = this.#data.get(id);
    if (!data) throw new RangeError(`value ${this.#graph.values[id]!.name} is read before it is written`);
    return data;
  }

  set(id: ValueId, data: Float64Array): void {
    this.#data.set(id, data);
  }

  drop(id: ValueId): void {
    this.#data.delete(id);
  }

  shape(id: ValueId): Shape {
    return this.#graph.values[id]!.shape;
  }

  /** A value as images × channels × pixels. */
  planes(id: ValueId): Planes {
    const [n, c, h, w] = asFeatureMap(this.shape(id));
    return { n, c, h, w, pixels: h * w };
  }
}

/** A feature map's sizes. Element (n, c, i, j) is at ((n·C + c)·H + i)·W + j. */
export interface Planes {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
  readonly pixels: number;
}

/** Calls f(channel, first, end) for each run of elements that share image and channel. */
export function forPlanes(
  { n, c, pixels }: Planes,
  f: (c: number, first: number, end: number) => void,
): void {
  for (let plane = 0; plane < n * c; plane++) f(plane % c, plane * pixels, (plane + 1) * pixels);
}
