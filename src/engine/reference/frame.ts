import type { Group } from '../../distributed/group.ts';
import type { Graph, ValueId } from '../../graph/op.ts';
import { type BatchTree, leavesOf, ofAllRanks } from '../../plan/batch-tree.ts';
import { asFeatureMap, type Shape } from '../../tensor/shape.ts';

/** The values of one run by id: float64, dense, with the graph's order of axes (N, C, H, W). */
export class Frame {
  readonly #graph: Graph;
  readonly #tree: BatchTree;
  readonly #group: Group;
  readonly #data = new Map<ValueId, Float64Array>();

  constructor(graph: Graph, tree: BatchTree, group: Group) {
    this.#graph = graph;
    this.#tree = tree;
    this.#group = group;
  }

  /** Images of all ranks. */
  ofAllRanks(images: number): number {
    return ofAllRanks(images, this.#tree);
  }

  /**
   * The sum over all images of the batch, including other ranks.
   * @param images of this rank.
   * @param ofLeaf adds up images [first, end), one by one.
   */
  async sumOverImages(
    images: number,
    ofLeaf: (first: number, end: number) => Float64Array,
  ): Promise<Float64Array> {
    const leaves = leavesOf(images, this.#tree);
    const startOf = (leaf: number) => Math.floor((images * leaf) / leaves);
    const subtree = (first: number, count: number): Float64Array => {
      if (count === 1) return ofLeaf(startOf(first), startOf(first + 1));
      const right = subtree(first + count / 2, count / 2);
      return subtree(first, count / 2).map((sum, i) => sum + right[i]!);
    };
    const own = subtree(0, leaves);
    return this.#tree.ranks === 1 ? own : this.#group.treeSum(own);
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

/**
 * Calls f(channel, first, end) for each run of elements of one image and channel; for all images, or for [from, to).
 */
export function forPlanes(
  { n, c, pixels }: Planes,
  f: (c: number, first: number, end: number) => void,
  [from, to]: readonly [number, number] = [0, n],
): void {
  for (let plane = from * c; plane < to * c; plane++) f(plane % c, plane * pixels, (plane + 1) * pixels);
}
