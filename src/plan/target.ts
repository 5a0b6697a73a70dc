import type { Graph, ValueId } from '../graph/op.ts';
import type { Precision } from '../tensor/precision.ts';
import type { BufferId } from './buffers.ts';
import type { Lowered, Lowering } from './lowering.ts';
import type { Placement } from './place.ts';
import type { Plan } from './plan.ts';

/** A call of one of a target's kernels, as the target has it: a plan knows its name and the buffers that it uses. */
export interface TargetRecord {
  readonly kind: string;
}

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
}

/** What is lowered: a graph after rewriting, with a buffer for each value that is the root of its storage. */
export interface LoweringRequest {
  readonly graph: Graph;
  readonly placement: Placement;
  readonly rootBuffers: ReadonlyMap<ValueId, BufferId>;
  readonly buffers: Lowering['buffers'];
  readonly precision: Precision;
}

/**
 * All that a plan may know of who runs it. A new target is a folder under `src/target` (docs/adding-an-engine.md).
 * Targets that are made alike are one object.
 */
export interface Target {
  readonly name: string;
  /** Every buffer begins at a multiple of it. */
  readonly alignmentBytes: number;
  /** Room behind each buffer, for kernels that read beyond its end. */
  readonly slackBytes: number;
  /** Of the largest single allocation; where a slab would be larger, it becomes several. */
  readonly maxBufferBytes: number;
  /** Numbers from one pixel to the next, of a map of so many channels that ops write. At least `channels`. */
  pixelStride(channels: number, elementBytes: number): number;
  /** Turns a graph into records and the further buffers that they need. */
  lower(request: LoweringRequest): Lowered;
  /** The buffers that a record reads or writes. */
  buffersOf(record: TargetRecord): readonly BufferId[];
  costOf(record: TargetRecord): Cost;
  /** Seconds that a record takes at least on a typical machine: plans are compared by it, so it never depends on this one. */
  secondsOf(record: TargetRecord): number;
  /** @param records of the plan: those of its runs, or those that prepare them. */
  encode(plan: Plan, records: Plan['records']): Program;
}
