import type { Op } from '../graph/op.ts';

/** A call of one of a target's kernels, as the target has it: a plan knows its name and the buffers that it uses. */
export interface TargetRecord {
  readonly kind: string;
}

/** A record, and the op that it is a part of. */
export interface LayerRecord<R extends TargetRecord = TargetRecord> {
  readonly op: Op;
  readonly record: R;
}
