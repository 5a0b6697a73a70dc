import type { Graph, ValueId } from '../graph/op.ts';
import type { Precision } from '../tensor/precision.ts';
import type { ArenaLimits } from './arena.ts';
import type { BatchTree } from './batch-tree.ts';
import type { BufferId, BufferSpec, PlacedBuffer } from './buffers.ts';
import type { PixelStride, Placement } from './place.ts';
import type { LayerRecord, TargetRecord } from './record.ts';

/** What a record must do at least. */
export interface Cost {
  /** Multiplications and additions of floating-point numbers. */
  readonly flops: number;
  /** Read and written, each once. */
  readonly bytes: number;
}

/** What an engine's kernels interpret. */
export interface Program {
  readonly words: Uint32Array;
  readonly recordCount: number;
  /** Records that ranks do together, in order: kernels run what lies between them. None where there is one rank. */
  readonly collectives: readonly Collective[];
}

/** A record of `Group`'s (src/distributed), on float32 numbers of one buffer. */
export interface Collective {
  /**
   * - `gather`: `floats` numbers of each rank, in the order of ranks;
   * - `treeSum`: each number becomes its sum over ranks.
   */
  readonly kind: 'gather' | 'treeSum';
  /** Index of its record in the plan. */
  readonly record: number;
  /** Where the record after it begins. */
  readonly nextWord: number;
  readonly from: BufferId;
  /** The same for `treeSum`. */
  readonly to: BufferId;
  readonly floats: number;
}

/** What is lowered: a graph after rewriting, with a buffer for each value that is the root of its storage. */
export interface LoweringRequest {
  readonly graph: Graph;
  readonly placement: Placement;
  readonly rootBuffers: ReadonlyMap<ValueId, BufferId>;
  readonly buffers: readonly BufferSpec[];
  readonly precision: Precision;
  readonly tree: BatchTree;
}

/** What a target makes of a graph. */
export interface Lowered {
  readonly records: readonly LayerRecord[];
  /** Records that depend on state alone, where no run changes it. */
  readonly prepare: readonly LayerRecord[];
  /** The buffers that hold what those make. */
  readonly prepared: ReadonlySet<BufferId>;
  readonly buffers: readonly BufferSpec[];
  /** Largest scratch that any record needs, for each thread. */
  readonly scratchBytes: number;
}

/**
 * All that a plan may know of who runs it. A new target is a folder under `src/target` (docs/adding-an-engine.md).
 * Targets that are made alike are one object.
 */
export interface Target extends ArenaLimits {
  readonly name: string;
  readonly pixelStride: PixelStride;
  /** Turns a graph into records and the further buffers that they need. */
  lower(request: LoweringRequest): Lowered;
  /** The buffers that a record reads or writes. */
  buffersOf(record: TargetRecord): readonly BufferId[];
  costOf(record: TargetRecord): Cost;
  /** Seconds that a record takes at least on a typical machine: plans are compared by it, so it never depends on this one. */
  secondsOf(record: TargetRecord): number;
  /** @param records of a plan with these buffers: those of its runs, or those that prepare them. */
  encode(buffers: readonly PlacedBuffer[], records: readonly LayerRecord[]): Program;
}
