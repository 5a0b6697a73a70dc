import type { Dropout, DropoutGradInput, ValueId } from '../../../graph/op.ts';
import { chunksOf, dropoutFields, type LoweringContext, paddedChannels } from './context.ts';

/** Scratch: one row. */
export function lowerDropout(ctx: LoweringContext, op: Dropout | DropoutGradInput): void {
  const [y] = op.outputs as [ValueId];
  const size = ctx.size(y);
  const chunks = ctx.wantsStatistics.has(y) ? ctx.leavesOf(size) : chunksOf(size);
  const x = ctx.gradOutput(op, op.kind === 'dropout' ? { value: op.x } : op.gradOutput);
  ctx.needScratch(size.width * paddedChannels(size.channels));
  ctx.emit(op, {
    kind: 'dropout',
    chunks,
    x,
    size,
    dropout: dropoutFields(op.dropout),
    y: ctx.view(y),
    accumulate: op.accumulate?.[0] === undefined ? 0 : 1,
    statistics: ctx.statisticsOf(op, y),
  });
}
