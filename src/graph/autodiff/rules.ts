import { assertNever } from '../../tensor/assert-never.ts';
import type { Layer } from '../layer.ts';
import {
  type Conv2d,
  type Conv2dMaxPool,
  type DropoutMask,
  elementwisePrologue,
  type GradOutput,
  type Linear,
  type Op,
  type Prologue,
  type ValueId,
  type Window,
} from '../op.ts';
import type { Gradients } from './gradients.ts';

/** Appends the ops that propagate the gradient from an op's outputs to its inputs. One case per op. */
export function backward(op: Op, gradients: Gradients): void {
  if ('epilogue' in op && op.epilogue)
    throw new RangeError(`${op.layer.label}: cannot differentiate through an epilogue`);
  switch (op.kind) {
    case 'conv2d':
    case 'linear':
      return weighted(op, gradients);
    case 'batchNorm':
    case 'relu': {
      const gradOutput = gradients.at(op.outputs[0]!, op.layer);
      const prologue = elementwisePrologue(op);
      if (!gradOutput || !reachesInput(op.x, prologue, gradients)) return;
      const spec = { kind: 'elementwiseGradInput', layer: op.layer, x: op.x, prologue, gradOutput } as const;
      return gradients.contribute(spec, inputTargets(op.x, prologue));
    }
    case 'dropout': {
      const gradOutput = gradients.at(op.outputs[0]!, op.layer);
      if (!gradOutput || !gradients.needs(op.x)) return;
      const { layer, dropout } = op;
      return gradients.contribute({ kind: 'dropoutGradInput', layer, gradOutput, dropout }, [op.x]);
    }
    case 'maxPool': {
      const gradOutput = gradients.at(op.outputs[0]!, op.layer);
      if (!gradOutput || !reachesInput(op.x, op.prologue, gradients)) return;
      const spec = { ...inputGradient(op, gradOutput), ...windowOf(op), index: op.outputs[1]! } as const;
      return gradients.contribute({ kind: 'maxPoolGradInput', ...spec }, inputTargets(op.x, op.prologue));
    }
    case 'conv2dMaxPool':
      return convolvedAndPooled(op, gradients);
    case 'avgPool': {
      const gradOutput = gradients.at(op.outputs[0]!, op.layer);
      if (!gradOutput || !reachesInput(op.x, op.prologue, gradients)) return;
      const spec = { ...inputGradient(op, gradOutput), ...windowOf(op) } as const;
      return gradients.contribute({ kind: 'avgPoolGradInput', ...spec }, inputTargets(op.x, op.prologue));
    }
    case 'concat': {
      const gradient = gradients.complete(op.outputs[0]!, op.layer);
      if (gradient === undefined) return;
      let offset = 0;
      for (const operand of op.operands) {
        const count = gradients.channels(operand);
        gradients.contributeSlice(op.layer, operand, gradient, offset, count);
        offset += count;
      }
      return;
    }
    case 'add': {
      const gradOutput = gradients.at(op.outputs[0]!, op.layer);
      if (!gradOutput) return;
      for (const x of [op.a, op.b]) {
        if (!gradients.needs(x)) continue;
        gradients.contribute({ kind: 'elementwiseGradInput', layer: op.layer, x, gradOutput }, [x]);
      }
      return;
    }
    case 'flatten': {
      const gradOutput = gradients.at(op.outputs[0]!, op.layer);
      if (!gradOutput || !gradients.needs(op.x)) return;
      return gradients.contribute({ kind: 'flattenGradInput', layer: op.layer, x: op.x, gradOutput }, [op.x]);
    }
    case 'statistics': {
      const [mean, variance] = op.outputs as [ValueId, ValueId];
      const gradMean = gradients.total(mean);
      const gradVariance = gradients.total(variance);
      if (gradMean === undefined || gradVariance === undefined) return;
      return gradients.deferCorrection(op.layer, { x: op.x, mean, gradMean, gradVariance });
    }
    case 'crossEntropy': {
      if (!gradients.isUnitRoot(op.outputs[0]!) || !gradients.needs(op.logits)) return;
      const { kind: _, outputs: __, accumulate: ___, phase: ____, ...fields } = op;
      return gradients.contribute({ ...fields, kind: 'crossEntropyGrad' }, [op.logits]);
    }
    case 'conv2dGradInput':
    case 'conv2dGradWeight':
    case 'conv2dMaxPoolGradWeight':
    case 'linearGradInput':
    case 'linearGradWeight':
    case 'elementwiseGradInput':
    case 'dropoutGradInput':
    case 'maxPoolGradInput':
    case 'avgPoolGradInput':
    case 'slice':
    case 'flattenGradInput':
    case 'statisticsGrad':
    case 'crossEntropyGrad':
      throw new RangeError(`${op.kind} is a gradient already: second derivatives are not supported`);
    case 'updateRunningStatistics':
    case 'clipNorm':
    case 'sgd':
    case 'adamw':
    case 'movingAverage':
      return; // State for the next run: no value of this run depends on it.
    default:
      return assertNever(op);
  }
}

/** Convolution and linear layer: gradients of the input and of the weights. */
function weighted(op: Conv2d | Linear, gradients: Gradients): void {
  const given = gradients.at(op.outputs[0]!, op.layer);
  const needsWeights = gradients.needs(op.weight) || (op.bias !== undefined && gradients.needs(op.bias));
  const needsInput = reachesInput(op.x, op.prologue, gradients);
  if (!given || !(needsWeights || needsInput)) return;
  const gradOutput = 'dropout' in op ? beforeDropout(op.layer, op.dropout, given, gradients) : given;
  const shared = { ...inputGradient(op, gradOutput), weight: op.weight };
  if (needsWeights) {
    const targets = [op.weight, op.bias];
    if (op.kind === 'linear') gradients.contribute({ kind: 'linearGradWeight', ...shared }, targets);
    else gradients.contribute({ kind: 'conv2dGradWeight', ...shared, ...windowOf(op) }, targets);
  }
  if (needsInput) {
    const targets = inputTargets(op.x, op.prologue);
    if (op.kind === 'linear') gradients.contribute({ kind: 'linearGradInput', ...shared }, targets);
    else gradients.contribute({ kind: 'conv2dGradInput', ...shared, ...windowOf(op) }, targets);
  }
}

/** Applies the dropout mask once, because two ops read the result. */
function beforeDropout(
  layer: Layer,
  dropout: DropoutMask | undefined,
  gradOutput: GradOutput,
  gradients: Gradients,
): GradOutput {
  if (!dropout) return gradOutput;
  return { value: gradients.through({ kind: 'dropoutGradInput', layer, gradOutput, dropout }) };
}

/** Weight gradient only: a convolution is fused with its pool only if the input gradient is not requested. */
function convolvedAndPooled(op: Conv2dMaxPool, gradients: Gradients): void {
  const { layer, weight, bias, pool } = op;
  const [y, m, index] = op.outputs as [ValueId, ValueId, ValueId];
  const value = gradients.complete(m, layer);
  if (value === undefined || !(gradients.needs(weight) || (bias !== undefined && gradients.needs(bias))))
    return;
  const correction = gradients.correctionOf(y);
  const gradOutput = correction ? { value, correction } : { value };
  const reads = { weight, ...(bias !== undefined && { bias }), y, index, pool };
  const spec = { ...inputGradient(op, gradOutput), ...reads, ...windowOf(op) };
  gradients.contribute({ kind: 'conv2dMaxPoolGradWeight', ...spec }, [weight, bias]);
}

function inputGradient(
  op: { readonly layer: Layer; readonly x: ValueId; readonly prologue?: Prologue },
  gradOutput: GradOutput,
) {
  return { layer: op.layer, x: op.x, ...(op.prologue && { prologue: op.prologue }), gradOutput };
}

function windowOf({ kernel, stride, padding }: Window): Window {
  return { kernel, stride, padding };
}

/**
 * The values whose gradients an input-gradient op computes, in the order of its outputs: see `GradInput` in op.ts.
 */
function inputTargets(x: ValueId, prologue: Prologue | undefined): ValueId[] {
  const bn = prologue?.batchNorm;
  return bn ? [x, bn.gamma, bn.beta, bn.mean, bn.variance] : [x];
}

function reachesInput(x: ValueId, prologue: Prologue | undefined, gradients: Gradients): boolean {
  return inputTargets(x, prologue).some((id) => gradients.needs(id));
}
