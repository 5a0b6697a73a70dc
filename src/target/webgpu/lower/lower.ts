import {
  type Add,
  type AvgPoolGradInput,
  type CrossEntropy,
  type CrossEntropyGrad,
  type ElementwiseGradInput,
  elementwisePrologue,
  type MaxPoolGradInput,
  type Op,
  type ValueId,
  type Window,
} from '../../../graph/op.ts';
import type { Vector, View } from '../../../plan/buffers.ts';
import { assertNever } from '../../../tensor/assert-never.ts';
import type { RecordOf } from '../records.ts';
import type { LoweringContext } from './context.ts';
import { lowerConv2d, lowerConv2dGradInput } from './conv2d.ts';
import { lowerConv2dMaxPool, lowerConv2dMaxPoolGradWeight } from './conv2d-max-pool.ts';
import { ABSENT, ABSENT_VIEW, dropoutFields, pixelsOf, tileFields, whole, windowFields } from './fields.ts';
import { lowerConv2dGradWeight } from './grad-weight.ts';
import { lowerClipNorm, lowerMovingAverage, lowerOptimizer } from './optimizer.ts';

const NO_PROLOGUE = { scale: ABSENT, shift: ABSENT, relu: false } as const;
const NO_PARTIALS = { partials: ABSENT, partialStride: 0 } as const;
const NO_POOL = {
  ...{ max: false, average: false, index: ABSENT, indexStride: 0, kernelHeight: 1, kernelWidth: 1 },
  ...{ strideHeight: 1, strideWidth: 1, paddingHeight: 0, paddingWidth: 0 },
} as const;

/** Turns one op into the records that run it. Views need no record. */
export function lower(ctx: LoweringContext, op: Op): void {
  switch (op.kind) {
    case 'conv2d':
    case 'linear':
      return lowerConv2d(ctx, op);
    case 'conv2dGradInput':
    case 'linearGradInput':
      return lowerConv2dGradInput(ctx, op);
    case 'conv2dGradWeight':
    case 'linearGradWeight':
      return lowerConv2dGradWeight(ctx, op);
    case 'conv2dMaxPool':
      return lowerConv2dMaxPool(ctx, op);
    case 'conv2dMaxPoolGradWeight':
      return lowerConv2dMaxPoolGradWeight(ctx, op);
    case 'batchNorm':
    case 'relu': {
      const [y] = op.outputs as [ValueId];
      return elementwise(ctx, op, op.x, ctx.view(y), {
        prologue: ctx.prologue(op, elementwisePrologue(op)),
        partials: ctx.partialsOf(op, y),
      });
    }
    case 'dropout':
    case 'dropoutGradInput': {
      const [y] = op.outputs as [ValueId];
      const size = ctx.size(y);
      return ctx.emit(op, {
        kind: 'dropout',
        ...ctx.gradOutput(op, op.kind === 'dropout' ? { value: op.x } : op.gradOutput),
        ...dropoutFields(op.dropout),
        y: ctx.view(y),
        ...ctx.partialsOf(op, y),
        accumulate: op.accumulate?.[0] !== undefined,
        imagePixels: size.height * size.width,
        ...tileFields(size),
      });
    }
    case 'maxPool':
    case 'avgPool': {
      const [y, index] = op.outputs as [ValueId, ValueId?];
      const [size, out] = [ctx.size(op.x), ctx.size(y)];
      return ctx.emit(op, {
        kind: 'pool',
        x: ctx.view(op.x),
        ...ctx.prologue(op, op.prologue),
        max: op.kind === 'maxPool',
        gamma: ABSENT,
        y: ctx.view(y),
        ...ctx.partialsOf(op, y),
        ...indexFields(ctx, op, index),
        kernelHeight: op.kernel[0],
        ...windowFields(op),
        height: size.height,
        width: size.width,
        outWidth: out.width,
        outPixels: out.height * out.width,
        ...tileFields(out),
      });
    }
    case 'maxPoolGradInput':
    case 'avgPoolGradInput': {
      const max = op.kind === 'maxPoolGradInput';
      return mapGradInput(ctx, op, {
        ...{ max, average: !max },
        ...indexFields(ctx, op, max ? op.index : undefined),
        kernelHeight: op.kernel[0],
        ...windowFields(op),
      });
    }
    case 'elementwiseGradInput':
      // A copy that shares the storage of its source needs no record.
      if (isSamePlace(ctx.view(op.outputs[0]!), ctx.view(op.gradOutput.value))) return;
      return mapGradInput(ctx, op, NO_POOL);
    case 'concat': {
      // Copies the operands that are stored in another concatenation; the others were written in place.
      const y = ctx.view(op.outputs[0]!);
      for (const { operand, offset } of ctx.copies.get(op) ?? []) {
        elementwise(ctx, op, operand, { ...y, offset: y.offset + offset });
      }
      return;
    }
    case 'add': {
      return add(ctx, op);
    }
    case 'slice':
      return;
    case 'flatten': {
      const [x, y] = [ctx.view(op.x), ctx.view(op.outputs[0]!)];
      if (isSamePlace(x, y)) return;
      return ctx.emit(op, { kind: 'flatten', x, y, ...imageFields(ctx, op.x) });
    }
    case 'flattenGradInput':
      return ctx.emit(op, {
        kind: 'flattenGradInput',
        ...ctx.gradOutput(op, op.gradOutput),
        gradient: ctx.view(op.outputs[0]!),
        accumulate: op.accumulate?.[0] !== undefined,
        ...imageFields(ctx, op.x),
      });
    case 'statistics': {
      if (!ctx.statistics.has(op.x)) ctx.emitStatistics(op, op.x);
      const [mean, variance] = op.outputs.map((id) => ctx.vector(id));
      return ctx.finalizeStatistics(op, op.x, ctx.statistics.get(op.x)!, mean!, variance!);
    }
    case 'statisticsGrad': {
      // x·slope + intercept, in the form of a prologue.
      const { slope, intercept } = ctx.correction(op, op.correction);
      const prologue = { scale: whole(slope), shift: whole(intercept), relu: false };
      const accumulate = op.accumulate?.[0] !== undefined;
      return elementwise(ctx, op, op.correction.x, ctx.view(op.outputs[0]!), { accumulate, prologue });
    }
    case 'crossEntropy': {
      const [loss, correct] = op.outputs.map((id) => ctx.vector(id));
      return ctx.emit(op, {
        kind: 'crossEntropy',
        ...crossEntropyFields(ctx, op),
        loss: loss!,
        correct: correct!,
        gradLogits: ABSENT_VIEW,
        accumulate: false,
      });
    }
    case 'crossEntropyGrad':
      return crossEntropyGrad(ctx, op);
    case 'updateRunningStatistics':
      return ctx.updateRunningStatistics(op, {
        mean: ctx.vector(op.mean),
        variance: ctx.vector(op.variance),
        runningMean: ctx.vector(op.runningMean),
        runningVar: ctx.vector(op.runningVar),
        first: 0,
        momentum: op.momentum,
        unbias: op.count / (op.count - 1),
      });
    case 'clipNorm':
      return lowerClipNorm(ctx, op);
    case 'sgd':
    case 'adamw':
      return lowerOptimizer(ctx, op);
    case 'movingAverage':
      return lowerMovingAverage(ctx, op);
    default:
      return assertNever(op);
  }
}

function crossEntropyFields(ctx: LoweringContext, op: CrossEntropy | CrossEntropyGrad) {
  const { images, channels: classes } = ctx.size(op.logits);
  const imageWeights: Vector = op.imageWeights === undefined ? ABSENT : ctx.vector(op.imageWeights);
  const { smoothing, partOf: meanOver = images } = op;
  return {
    logits: ctx.view(op.logits),
    labels: ctx.vector(op.labels),
    imageWeights,
    images,
    classes,
    smoothing,
    meanOver,
  };
}

/** A gradient that directly follows its loss is computed by the record of the loss. */
function crossEntropyGrad(ctx: LoweringContext, op: CrossEntropyGrad): void {
  const fields = crossEntropyFields(ctx, op);
  const gradient = {
    gradLogits: ctx.view(op.outputs[0]!),
    accumulate: op.accumulate?.[0] !== undefined,
  };
  const last = ctx.records.at(-1);
  if (last?.record.kind === 'crossEntropy' && isOfSame(last.record, fields)) {
    ctx.records[ctx.records.length - 1] = { op: last.op, record: { ...last.record, ...gradient } };
  } else ctx.emit(op, { kind: 'crossEntropy', ...fields, loss: ABSENT, correct: ABSENT, ...gradient });
}

/** True if a loss is of the same logits, labels and weights. */
function isOfSame(loss: RecordOf<'crossEntropy'>, fields: ReturnType<typeof crossEntropyFields>): boolean {
  return (Object.keys(fields) as (keyof typeof fields)[]).every(
    (name) => JSON.stringify(loss[name]) === JSON.stringify(fields[name]),
  );
}

/** @param pool the window of a pooling; `NO_POOL` for an elementwise op. */
function mapGradInput(
  ctx: LoweringContext,
  op: MaxPoolGradInput | AvgPoolGradInput | ElementwiseGradInput,
  pool: Pick<RecordOf<'mapGradInput'>, keyof typeof NO_POOL>,
): void {
  const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
  const gradOutput = ctx.gradOutput(op, op.gradOutput);
  const prologue = ctx.prologue(op, op.prologue);
  const gradInput = ctx.gradInput(op);
  ctx.emit(op, {
    kind: 'mapGradInput',
    ...gradOutput,
    ...prologue,
    ...gradInput,
    ...pool,
    ...{ ownSlope: ABSENT, ownIntercept: ABSENT },
    width: size.width,
    inPixels: size.height * size.width,
    outHeight: out.height,
    outWidth: out.width,
    ...tileFields(size),
  });
  ctx.finalizeGradSums(op, gradInput.sums);
}

/** The positions of a max pool's maxima; absent for 1×1 windows or when unused. */
function indexFields(ctx: LoweringContext, { kernel }: Window, index: ValueId | undefined) {
  if (index === undefined || kernel[0] * kernel[1] === 1 || !ctx.isRead(index)) {
    return { index: ABSENT, indexStride: 0 };
  }
  const { address, stride } = ctx.view(index);
  return { index: { address, offset: 0 }, indexStride: stride / 4 };
}

function imageFields(ctx: LoweringContext, x: ValueId) {
  const size = ctx.size(x);
  const { channels } = size;
  return { imagePixels: size.height * size.width, channels, total: pixelsOf(size) * channels };
}

function elementwise(
  ctx: LoweringContext,
  op: Op,
  from: ValueId,
  y: View,
  {
    accumulate = false,
    prologue = NO_PROLOGUE,
    partials = NO_PARTIALS,
  }: Partial<Pick<RecordOf<'elementwise'>, 'accumulate'>> & {
    readonly prologue?: Pick<RecordOf<'elementwise'>, 'scale' | 'shift' | 'relu'>;
    readonly partials?: Pick<RecordOf<'elementwise'>, 'partials' | 'partialStride'>;
  } = {},
): void {
  const shared = { x: ctx.view(from), ...prologue, y, accumulate, ...partials };
  ctx.emit(op, { kind: 'elementwise', ...shared, ...tileFields(ctx.size(from)) });
}

/** y = a, then y += b; an operand that shares y's storage needs no copy. */
function add(ctx: LoweringContext, op: Add): void {
  const [sum] = op.outputs as [ValueId];
  const y = ctx.view(sum);
  const [first, second] = isSamePlace(ctx.view(op.b), y) ? [op.b, op.a] : [op.a, op.b];
  if (!isSamePlace(ctx.view(first), y)) elementwise(ctx, op, first, y);
  elementwise(ctx, op, second, y, { accumulate: true, partials: ctx.partialsOf(op, sum) });
}

function isSamePlace(a: View, b: View): boolean {
  return a.address === b.address && a.offset === b.offset;
}
