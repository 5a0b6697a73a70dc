import type { AdamW, ClipNorm, MovingAverage, Sgd } from '../../../graph/op.ts';
import { WORKGROUP_SIZE } from '../constants.ts';
import type { LoweringContext } from './context.ts';
import { ABSENT, numberedEntries, whole } from './fields.ts';

/** Number of elements that an invocation of `sumSquares` adds sequentially. */
const SQUARES_EACH = 64;

export function lowerClipNorm(ctx: LoweringContext, op: ClipNorm): void {
  const list = op.operands.map((id) => ({ at: ctx.vector(id), first: 0, count: ctx.numbersOf(id) }));
  const { entries, total } = numberedEntries(list, ({ count }) =>
    Math.ceil(count / (SQUARES_EACH * WORKGROUP_SIZE)),
  );
  const partials = whole(ctx.temporary(op, 'sums of squares', 'partialSums', total));
  const [clip, norm] = op.outputs.map((id) => ctx.vector(id));
  const numbered = entries.map((entry) => ({ ...entry, partial: entry.first }));
  ctx.emit(op, { kind: 'sumSquares', total, partials, each: SQUARES_EACH, entries: numbered });
  const partialCount = total;
  ctx.emit(op, { kind: 'clipScale', partials, partialCount, maxNorm: op.maxNorm, clip: clip!, norm: norm! });
}

export function lowerOptimizer(ctx: LoweringContext, op: Sgd | AdamW): void {
  const list = op.tensors.map(({ parameter, gradient, memory, weightDecay }) => {
    const [memory1 = ABSENT, memory2 = ABSENT] = memory.map((id) => ctx.vector(id));
    const vectors = { parameter: ctx.vector(parameter), gradient: ctx.vector(gradient) };
    return { ...vectors, memory1, memory2, first: 0, weightDecay, count: ctx.numbersOf(parameter) };
  });
  const { entries, total } = numberedEntries(list, ({ count }) => count);
  const clip = op.scale === undefined ? ABSENT : ctx.vector(op.scale);
  if (op.kind === 'adamw') {
    const rests = { rest1: 1 - op.beta1, rest2: 1 - op.beta2, eps: op.eps };
    const tensors = entries.map(({ memory1, memory2, count: _, ...rest }) => ({
      ...rest,
      moment1: memory1,
      moment2: memory2,
    }));
    return ctx.emit(op, { kind: 'adamw', total, clip, ...rests, entries: tensors });
  }
  const { momentum, nesterov } = op;
  const tensors = entries.map(({ memory1, memory2: _, count: __, ...rest }) => ({
    ...rest,
    velocity: memory1,
  }));
  ctx.emit(op, { kind: 'sgd', total, clip, momentum, nesterov, entries: tensors });
}

export function lowerMovingAverage(ctx: LoweringContext, op: MovingAverage): void {
  ctx.flushRunningStatistics();
  const list = op.pairs.map(({ average, value }) => ({
    average: ctx.vector(average),
    value: ctx.vector(value),
    first: 0,
    count: ctx.numbersOf(value),
  }));
  const { entries, total } = numberedEntries(list, ({ count }) => count);
  ctx.emit(op, {
    kind: 'movingAverage',
    total,
    rest: 1 - op.decay,
    entries: entries.map(({ count: _, ...rest }) => rest),
  });
}
