import type { Graph, ValueId } from '../graph/op.ts';
import type { Precision } from '../tensor/precision.ts';
import type { ArenaLimits } from './arena.ts';
import type { BatchTree } from './batch-tree.ts';
import type { BufferId, BufferSpec, PlacedBuffer } from './buffers.ts';
import type { PixelStride, Placement } from './place.ts';
import type { LayerRecord, TargetRecord } from './record.ts';

/** The minimum work of a record. */
export interface Cost {
  /** Floating-point additions and multiplications. */
  readonly flops: number;
  /** Bytes read and written, each once. */
  readonly bytes: number;
}

/** The encoded form of a plan, which an engine's kernels interpret. */
export interface Program {
  readonly words: Uint32Array;
  readonly recordCount: number;
  /** Records that the ranks execute together, in order: kernels run the records between them. Empty with one rank. */
  readonly collectives: readonly Collective[];
}

/** A collective operation of `Group` (src/distributed), on float32 elements of one buffer. */
export interface Collective {
  /**
   * - `gather`: `floats` elements of each rank, in the order of ranks;
   * - `treeSum`: each element becomes its sum over ranks.
   */
  readonly kind: 'gather' | 'treeSum';
  /** Index of its record in the plan. */
  readonly record: number;
  /** Word at which the next record begins. */
  readonly nextWord: number;
  readonly from: BufferId;
  /** The same buffer for `treeSum`. */
  readonly to: BufferId;
  readonly floats: number;
}

/** Input of the lowering: a rewritten graph, with a buffer for each root value. */
export interface LoweringRequest {
  readonly graph: Graph;
  readonly placement: Placement;
  readonly rootBuffers: ReadonlyMap<ValueId, BufferId>;
  readonly buffers: readonly BufferSpec[];
  readonly precision: Precision;
  readonly tree: BatchTree;
}

/** Output of the lowering. */
export interface Lowered {
  readonly records: readonly LayerRecord[];
  /** Records that depend on state alone, for programs that do not change it. */
  readonly prepare: readonly LayerRecord[];
  /** The buffers that these records write. */
  readonly prepared: ReadonlySet<BufferId>;
  readonly buffers: readonly BufferSpec[];
  /** Largest scratch of any record in bytes, for each thread. */
  readonly scratchBytes: number;
}

/**
 * All that a plan may depend on of its engine. A new target is a folder under `src/target`
 * (docs/adding-an-engine.md). Targets with the same options are the same object.
 */
export interface Target extends ArenaLimits {
  readonly name: string;
  readonly pixelStride: PixelStride;
  /** Turns a graph into records and the additional buffers that they need. */
  lower(request: LoweringRequest): Lowered;
  /** The buffers that a record reads or writes. */
  buffersOf(record: TargetRecord): readonly BufferId[];
  costOf(record: TargetRecord): Cost;
  /**
   * Minimum time of a record in seconds on a typical machine. It compares plans, so it never depends on the machine
   * in use.
   */
  secondsOf(record: TargetRecord): number;
  /** @param records of a plan with these buffers: `Plan.records` or `Plan.prepare`. */
  encode(buffers: readonly PlacedBuffer[], records: readonly LayerRecord[]): Program;
}
