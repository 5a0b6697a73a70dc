import {
  type Add,
  type Concat,
  type CrossEntropy,
  type CrossEntropyGrad,
  elementwisePrologue,
  type Op,
  type ValueId,
  type Window,
} from '../../../graph/op.ts';
import { ofAllRanks } from '../../../plan/batch-tree.ts';
import { assertNever } from '../../../tensor/assert-never.ts';
import type { BufferId, PrologueFields, View } from '../records.ts';
import { chunksOf, type LoweringContext, paddedChannels, rowChunksOf, windowFields } from './context.ts';
import { lowerConv2d, lowerConv2dGradInput } from './conv2d.ts';
import { lowerConv2dMaxPool, lowerConv2dMaxPoolGradWeight } from './conv2d-max-pool.ts';
import { lowerDropout } from './dropout.ts';
import { lowerConv2dGradWeight } from './grad-weight.ts';
import { lowerClipNorm, lowerMovingAverage, lowerOptimizer } from './optimizer.ts';

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
      const size = ctx.size(op.x);
      const chunks = rowChunksOf(ctx, y);
      const prologue = ctx.prologue(op, elementwisePrologue(op));
      const statistics = ctx.statisticsOf(op, y);
      const views = { x: ctx.view(op.x), y: ctx.view(y) };
      return ctx.emit(op, {
        kind: 'elementwise',
        chunks,
        size,
        prologue,
        ...views,
        accumulate: 0,
        statistics,
      });
    }
    case 'dropout':
    case 'dropoutGradInput':
      return lowerDropout(ctx, op);
    case 'maxPool':
    case 'avgPool': {
      const [y, index] = op.outputs as [ValueId, ValueId?];
      const [size, out] = [ctx.size(op.x), ctx.size(y)];
      const chunks = rowChunksOf(ctx, y);
      const shared = {
        chunks,
        x: ctx.view(op.x),
        in: size,
        prologue: ctx.prologue(op, op.prologue),
        window: windowFields(op),
        y: ctx.view(y),
        out,
        statistics: ctx.statisticsOf(op, y),
      };
      if (op.kind === 'avgPool') return ctx.emit(op, { kind: 'avgPool', ...shared });
      return ctx.emit(op, { kind: 'maxPool', ...shared, index: indexOf(ctx, op, index!) });
    }
    case 'maxPoolGradInput':
    case 'avgPoolGradInput': {
      const [size, out] = [ctx.size(op.x), ctx.size(op.gradOutput.value)];
      const shared = {
        chunks: ctx.gradInputChunks(op, size),
        gradOutput: ctx.gradOutput(op, op.gradOutput),
        out,
        window: windowFields(op),
        x: ctx.view(op.x),
        in: size,
        prologue: ctx.prologue(op, op.prologue),
        gradInput: ctx.gradInput(op),
      };
      if (op.kind === 'avgPoolGradInput') ctx.emit(op, { kind: 'avgPoolGradInput', ...shared });
      else ctx.emit(op, { kind: 'maxPoolGradInput', ...shared, index: indexOf(ctx, op, op.index) });
      return ctx.finalizeGradSums(op, shared.gradInput.sums);
    }
    case 'elementwiseGradInput': {
      const size = ctx.size(op.x);
      const chunks = ctx.gradInputChunks(op, size);
      const gradOutput = ctx.gradOutput(op, op.gradOutput);
      const prologue = ctx.prologue(op, op.prologue);
      const gradInput = ctx.gradInput(op);
      if (isSamePlace(gradInput.gradient, gradOutput.gradient)) return; // The copy shares the storage of its source.
      const x = ctx.view(op.x);
      ctx.emit(op, { kind: 'elementwiseGradInput', chunks, gradOutput, x, size, prologue, gradInput });
      return ctx.finalizeGradSums(op, gradInput.sums);
    }
    case 'concat':
      return concat(ctx, op);
    case 'add':
      return add(ctx, op);
    case 'slice':
      return;
    case 'flatten': {
      const [x, y] = [ctx.view(op.x), ctx.view(op.outputs[0]!)];
      if (isSamePlace(x, y)) return;
      return ctx.emit(op, { kind: 'flatten', x, size: ctx.size(op.x), y });
    }
    case 'flattenGradInput': {
      const gradOutput = ctx.gradOutput(op, op.gradOutput);
      const gradient = ctx.view(op.outputs[0]!);
      const accumulate = op.accumulate?.[0] === undefined ? 0 : 1;
      return ctx.emit(op, {
        kind: 'flattenGradInput',
        gradOutput,
        gradient,
        size: ctx.size(op.x),
        accumulate,
      });
    }
    case 'statistics': {
      const [mean, variance] = op.outputs.map((id) => ctx.vector(id));
      const size = ctx.size(op.x);
      const leaves = ctx.leavesOf(size);
      const partials = ctx.statistics.get(op.x) ?? statistics(ctx, op);
      return ctx.emit(op, {
        kind: 'finalizeStatistics',
        partials: ctx.gather(op, partials, leaves * 2 * paddedChannels(size.channels)),
        partialCount: ofAllRanks(leaves, ctx.tree),
        size: ctx.ofAllRanks(size),
        mean: mean!,
        variance: variance!,
      });
    }
    case 'statisticsGrad': {
      // x·slope + intercept, in the form of a prologue.
      const { x } = op.correction;
      const { slope, intercept } = ctx.correction(op, op.correction);
      const prologue = { scale: slope, shift: intercept, relu: 0 };
      return copy(ctx, op, x, ctx.view(op.outputs[0]!), op.accumulate?.[0] !== undefined, prologue);
    }
    case 'crossEntropy': {
      const [loss, correct] = op.outputs.map((id) => ctx.view(id).address);
      const { meanOver, ...fields } = crossEntropyFields(ctx, op);
      const leaves = ctx.leavesOf(fields.size);
      const partials = ctx.temporary(op, 'losses', 'scalar', 2 * leaves);
      ctx.emit(op, { kind: 'crossEntropy', ...fields, leaves, partials });
      return ctx.emit(op, {
        kind: 'finalizeLoss',
        partials: ctx.gather(op, partials, 2 * leaves),
        leaves: ofAllRanks(leaves, ctx.tree),
        ...{ meanOver, loss, correct },
      });
    }
    case 'crossEntropyGrad': {
      const gradLogits = ctx.view(op.outputs[0]!);
      const accumulate = op.accumulate?.[0] === undefined ? 0 : 1;
      const fields = crossEntropyFields(ctx, op);
      return ctx.emit(op, { kind: 'crossEntropyGrad', ...fields, gradLogits, accumulate });
    }
    case 'updateRunningStatistics': {
      const { momentum } = op;
      const count = ofAllRanks(op.count, ctx.tree);
      const vectors = {
        mean: ctx.vector(op.mean),
        variance: ctx.vector(op.variance),
        runningMean: ctx.vector(op.runningMean),
        runningVar: ctx.vector(op.runningVar),
      };
      const { channels } = ctx.size(op.mean);
      const unbias = count / (count - 1);
      return ctx.emit(op, { kind: 'updateRunningStatistics', ...vectors, channels, momentum, unbias });
    }
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
  const size = ctx.size(op.logits);
  const labels = ctx.view(op.labels).address;
  const imageWeights = op.imageWeights === undefined ? undefined : ctx.view(op.imageWeights).address;
  const { smoothing, partOf: meanOver = ctx.ofAllRanks(size).images } = op;
  return { logits: ctx.view(op.logits), labels, imageWeights, size, meanOver, smoothing };
}

/** Where a max pool stores the position of each window's maximum; undefined for 1×1 windows or when unused. */
function indexOf(ctx: LoweringContext, { kernel }: Window, index: ValueId): BufferId | undefined {
  return kernel[0] * kernel[1] === 1 || !ctx.isRead(index) ? undefined : ctx.view(index).address;
}

const NO_PROLOGUE: PrologueFields = { scale: undefined, shift: undefined, relu: 0 };

function copy(
  ctx: LoweringContext,
  op: Op,
  from: ValueId,
  y: View,
  accumulate: boolean,
  prologue: PrologueFields = NO_PROLOGUE,
  statistics?: BufferId,
): void {
  const size = ctx.size(from);
  ctx.emit(op, {
    kind: 'elementwise',
    chunks: statistics === undefined ? chunksOf(size) : ctx.leavesOf(size),
    x: ctx.view(from),
    size,
    prologue,
    y,
    accumulate: accumulate ? 1 : 0,
    statistics,
  });
}

/** Copies the operands that are stored in another concatenation; the others were written in place. */
function concat(ctx: LoweringContext, op: Concat): void {
  const y = ctx.view(op.outputs[0]!);
  for (const { operand, offset } of ctx.copies.get(op) ?? []) {
    copy(ctx, op, operand, { ...y, offset: y.offset + offset }, false);
  }
}

/** y = a, then y += b; an operand that shares y's storage needs no copy. */
function add(ctx: LoweringContext, op: Add): void {
  const [sum] = op.outputs as [ValueId];
  const y = ctx.view(sum);
  const [first, second] = isSamePlace(ctx.view(op.b), y) ? [op.b, op.a] : [op.a, op.b];
  if (!isSamePlace(ctx.view(first), y)) copy(ctx, op, first, y, false);
  const statistics = ctx.statisticsOf(op, sum);
  copy(ctx, op, second, y, true, NO_PROLOGUE, statistics);
}

function isSamePlace(a: View, b: View): boolean {
  return a.address === b.address && a.offset === b.offset;
}

/** Statistics of a value whose producer computes none: a graph's input, a concatenation. */
function statistics(ctx: LoweringContext, op: Extract<Op, { kind: 'statistics' }>): BufferId {
  const size = ctx.size(op.x);
  const partials = ctx.statisticsPartials(op, size);
  ctx.emit(op, { kind: 'statistics', chunks: ctx.leavesOf(size), x: ctx.view(op.x), size, partials });
  return partials;
}
