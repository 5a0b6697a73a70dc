import type { Op } from '../../../graph/op.ts';
import type { BufferId, Vector } from '../records.ts';
import { type LoweringContext, MAX_CHUNKS } from './context.ts';

/**
 * Sums are sent to the other ranks in buckets of this size (1 MiB): fewer and larger messages, during the backward
 * pass.
 */
const BUCKET_FLOATS = 262_144;

/** A gradient that is a sum over all ranks. */
interface RankSum {
  readonly to: Vector;
  readonly count: number;
  readonly accumulate: number;
}

/** Buckets of this rank's weight-gradient sums: they are added over all ranks, then copied to the gradients. */
export class RankSums {
  readonly #ctx: LoweringContext;
  #bucket: { readonly op: Op; readonly sums: BufferId; floats: number; readonly of: RankSum[] } | undefined;

  constructor(ctx: LoweringContext) {
    this.#ctx = ctx;
  }

  /**
   * Allocates the vector for this rank's sum: its record must be emitted before `sendFull` or `flush` is called.
   */
  take(op: Op, sum: RankSum): Vector {
    this.#bucket ??= {
      op,
      sums: this.#ctx.temporary(op, 'sums of a rank', 'partialSums', 0),
      floats: 0,
      of: [],
    };
    const { sums, floats, of } = this.#bucket;
    of.push(sum);
    this.#bucket.floats += sum.count;
    return { address: sums, offset: floats };
  }

  /** As `flush`, if the bucket is full. Call after the records of the allocated sums have been emitted. */
  sendFull(): void {
    if (this.#bucket && this.#bucket.floats >= BUCKET_FLOATS) this.flush();
  }

  /** Emits the records that add the bucket over all ranks. Call before the gradients are read. */
  flush(): void {
    if (!this.#bucket) return;
    const { op, sums, floats, of } = this.#bucket;
    this.#bucket = undefined;
    this.#ctx.resize(sums, floats);
    this.#ctx.emit(op, { kind: 'treeSum', sums, floats });
    let first = 0;
    const tensors = of.map(({ to, count, accumulate }) => {
      const tensor = { first, to, count, accumulate };
      first += count;
      return tensor;
    });
    this.#ctx.emit(op, { kind: 'storeGradients', chunks: MAX_CHUNKS, sums, tensors });
  }
}
