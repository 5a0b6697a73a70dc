import type { AvgPool, Graph, Op, ValueId, Window } from '../../graph/op.ts';
import { assertNever } from '../../tensor/assert-never.ts';
import { OnnxError } from './error.ts';
import { ATTRIBUTE_TYPES } from './schema.ts';

/** An `AttributeProto`. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly ints?: readonly number[];
}

/** An ONNX operator on values of a graph, with one output. */
export interface Operator {
  readonly type: string;
  readonly inputs: readonly ValueId[];
  readonly output: ValueId;
  readonly attributes: readonly Attribute[];
}

/**
 * The ONNX operator (https://onnx.ai/onnx/operators/, opset 17) equivalent to an op of an evaluation graph.
 * @throws OnnxError for training ops and for fused ops.
 */
export function operatorOf(op: Op, graph: Graph): Operator {
  const output = op.outputs[0]!;
  const as = (
    type: string,
    inputs: readonly (ValueId | undefined)[],
    ...attributes: Attribute[]
  ): Operator => ({
    type,
    inputs: inputs.filter((id) => id !== undefined),
    output,
    attributes,
  });
  if (('prologue' in op && op.prologue) || ('epilogue' in op && op.epilogue) || op.accumulate)
    return refuse(op);
  switch (op.kind) {
    case 'conv2d':
      return as('Conv', [op.x, op.weight, op.bias], ...windowed(op));
    case 'linear':
      return as('Gemm', [op.x, op.weight, op.bias], int('transB', 1));
    case 'batchNorm': {
      const { gamma, beta, mean, variance, eps } = op.batchNorm;
      if ([mean, variance].some((id) => graph.values[id]!.role !== 'buffer')) return refuse(op);
      return as('BatchNormalization', [op.x, gamma, beta, mean, variance], float('epsilon', eps));
    }
    case 'relu':
      return as('Relu', [op.x]);
    case 'maxPool':
      return as('MaxPool', [op.x], ...windowed(op));
    case 'avgPool':
      if (isGlobal(op, graph)) return as('GlobalAveragePool', [op.x]);
      return as('AveragePool', [op.x], ...windowed(op), int('count_include_pad', 1));
    case 'concat':
      return as('Concat', op.operands, int('axis', 1));
    case 'add':
      return as('Add', [op.a, op.b]);
    case 'flatten':
      return as('Flatten', [op.x], int('axis', 1));
    case 'adamw':
    case 'clipNorm':
    case 'conv2dMaxPool':
    case 'dropout':
    case 'dropoutGradInput':
    case 'statistics':
    case 'crossEntropy':
    case 'conv2dGradInput':
    case 'conv2dGradWeight':
    case 'conv2dMaxPoolGradWeight':
    case 'linearGradInput':
    case 'linearGradWeight':
    case 'elementwiseGradInput':
    case 'maxPoolGradInput':
    case 'avgPoolGradInput':
    case 'slice':
    case 'flattenGradInput':
    case 'statisticsGrad':
    case 'crossEntropyGrad':
    case 'movingAverage':
    case 'updateRunningStatistics':
    case 'sgd':
      return refuse(op);
    default:
      return assertNever(op);
  }
}

function refuse({ layer, kind }: Op): never {
  throw new OnnxError(
    `${layer.label}: ${kind} has no place in an ONNX file: export the graph that a model traces to in evaluate mode`,
  );
}

/** Whether the window is the whole map. ONNX has a separate operator for this, which runtimes optimize. */
function isGlobal({ x, kernel, padding }: AvgPool, graph: Graph): boolean {
  const [, , h, w] = graph.values[x]!.shape;
  return kernel[0] === h && kernel[1] === w && padding[0] === 0 && padding[1] === 0;
}

function windowed({ kernel, stride, padding }: Window): Attribute[] {
  return [ints('kernel_shape', kernel), ints('strides', stride), ints('pads', [...padding, ...padding])];
}

function int(name: string, i: number): Attribute {
  return { name, type: ATTRIBUTE_TYPES.INT, i };
}

function ints(name: string, values: readonly number[]): Attribute {
  return { name, type: ATTRIBUTE_TYPES.INTS, ints: values };
}

function float(name: string, f: number): Attribute {
  return { name, type: ATTRIBUTE_TYPES.FLOAT, f };
}
