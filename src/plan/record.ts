import type { Op } from '../graph/op.ts';

/** A call of a target's kernel, defined by the target: a plan only uses its name and its buffers. */
export interface TargetRecord {
  readonly kind: string;
}

/** A record, and the op that it was lowered from. */
export interface LayerRecord<R extends TargetRecord = TargetRecord> {
  readonly op: Op;
  readonly record: R;
}
