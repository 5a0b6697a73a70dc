import { type DropoutMask, elementwisePrologue, type Op } from '../../graph/op.ts';
import { assertNever } from '../../tensor/assert-never.ts';
import type { RunScalars } from '../engine.ts';
import { conv2d, conv2dGradInput, conv2dGradWeight } from './conv2d.ts';
import { conv2dMaxPool, conv2dMaxPoolGradWeight } from './conv2d-max-pool.ts';
import { crossEntropy, crossEntropyGrad } from './cross-entropy.ts';
import { dropout } from './dropout.ts';
import { type Frame, forPlanes } from './frame.ts';
import { adamw, clipNorm, movingAverage, sgd } from './optimizer.ts';
import { avgPool, avgPoolGradInput, maxPool, maxPoolGradInput } from './pool.ts';
import { gradientAt, gradientThroughStatistics, prologued, throughPrologue } from './prologue.ts';
import { statistics, updateRunningStatistics } from './statistics.ts';

/** Computes an op's outputs and adds the values of `accumulate`. */
export async function runOp(frame: Frame, op: Op, scalars: RunScalars): Promise<void> {
  const results = await compute(frame, op, scalars);
  op.outputs.forEach((id, i) => {
    const onto = op.accumulate?.[i];
    const before = onto === undefined ? undefined : frame.get(onto);
    frame.set(id, before ? results[i]!.map((value, k) => value + before[k]!) : results[i]!);
  });
}

function compute(frame: Frame, op: Op, scalars: RunScalars): Float64Array[] | Promise<Float64Array[]> {
  const dropped = (x: Float64Array, mask: DropoutMask) =>
    dropout(x, frame.shape(op.outputs[0]!)[0]!, mask, scalars);
  switch (op.kind) {
    case 'conv2d': {
      const [y] = conv2d(frame, op) as [Float64Array];
      return [op.dropout ? dropped(y, op.dropout) : y];
    }
    case 'linear':
      return conv2d(frame, op);
    case 'dropout':
      return [dropped(frame.get(op.x), op.dropout)];
    case 'dropoutGradInput':
      return [dropped(gradientAt(frame, op.gradOutput), op.dropout)];
    case 'batchNorm':
    case 'relu':
      return [prologued(frame, op.x, elementwisePrologue(op))];
    case 'maxPool':
      return maxPool(frame, op);
    case 'conv2dMaxPool':
      return conv2dMaxPool(frame, op);
    case 'avgPool':
      return avgPool(frame, op);
    case 'concat':
      return [concat(frame, op)];
    case 'add': {
      const b = frame.get(op.b);
      return [frame.get(op.a).map((a, i) => a + b[i]!)];
    }
    case 'flatten':
      return [frame.get(op.x)];
    case 'statistics':
      return statistics(frame, op);
    case 'crossEntropy':
      return crossEntropy(frame, op);
    case 'conv2dGradInput':
    case 'linearGradInput':
      return conv2dGradInput(frame, op);
    case 'conv2dGradWeight':
    case 'linearGradWeight':
      return conv2dGradWeight(frame, op);
    case 'conv2dMaxPoolGradWeight':
      return conv2dMaxPoolGradWeight(frame, op);
    case 'elementwiseGradInput':
      return throughPrologue(frame, op.x, op.prologue, gradientAt(frame, op.gradOutput));
    case 'maxPoolGradInput':
      return maxPoolGradInput(frame, op);
    case 'avgPoolGradInput':
      return avgPoolGradInput(frame, op);
    case 'slice':
      return [slice(frame, op)];
    case 'flattenGradInput':
      return [gradientAt(frame, op.gradOutput)];
    case 'statisticsGrad':
      return [gradientThroughStatistics(frame, op.correction)];
    case 'crossEntropyGrad':
      return crossEntropyGrad(frame, op);
    case 'updateRunningStatistics':
      return updateRunningStatistics(frame, op);
    case 'clipNorm':
      return clipNorm(frame, op);
    case 'sgd':
      return sgd(frame, op, scalars);
    case 'adamw':
      return adamw(frame, op, scalars);
    case 'movingAverage':
      return movingAverage(frame, op, scalars);
    default:
      return assertNever(op);
  }
}

function concat(frame: Frame, op: Extract<Op, { kind: 'concat' }>): Float64Array {
  const out = frame.planes(op.outputs[0]!);
  const y = new Float64Array(out.n * out.c * out.pixels);
  let offset = 0;
  for (const operand of op.operands) {
    const data = frame.get(operand);
    const planes = frame.planes(operand);
    const block = planes.c * planes.pixels;
    for (let n = 0; n < out.n; n++) {
      y.set(data.subarray(n * block, (n + 1) * block), (n * out.c + offset) * out.pixels);
    }
    offset += planes.c;
  }
  return y;
}

function slice(frame: Frame, op: Extract<Op, { kind: 'slice' }>): Float64Array {
  const x = frame.get(op.x);
  const kept: Float64Array[] = [];
  forPlanes(frame.planes(op.x), (c, first, end) => {
    if (c >= op.offset && c < op.offset + op.count) kept.push(x.subarray(first, end));
  });
  const y = new Float64Array(kept.reduce((sum, plane) => sum + plane.length, 0));
  kept.reduce((at, plane) => {
    y.set(plane, at);
    return at + plane.length;
  }, 0);
  return y;
}
