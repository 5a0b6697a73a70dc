import { producers } from '../graph/build.ts';
import { type Layer, layerWithoutModule } from '../graph/layer.ts';
import type { Graph, Op, ValueId } from '../graph/op.ts';
import { isOptimizerState } from '../graph/optimizer.ts';
import { assertNever } from '../tensor/assert-never.ts';
import type { Shape } from '../tensor/shape.ts';
import type { BufferRole, Content, Purpose } from './buffers.ts';
import type { Placement } from './place.ts';

/** The purpose and content of each root value, and of state under its name in the layout. */
export function purposes(
  graph: Graph,
  { places }: Placement,
): (root: ValueId, stateName: string | undefined) => Purpose & { readonly content: Content } {
  const producer = producers(graph);
  const layerOf = (id: ValueId): Layer => {
    const { root } = places.get(id)!;
    return producer.get(root)?.layer ?? layerWithoutModule(graph.values[root]!.name);
  };
  return (root, stateName) => {
    const { name, role, shape } = graph.values[root]!;
    const op = producer.get(root);
    if (stateName !== undefined || !op) {
      const own = stateName ?? name;
      const isInput = stateName === undefined && role === 'input';
      return {
        role: isInput ? 'input' : roleOfState(own, role),
        layer: layerWithoutModule(own),
        content: { kind: isInput ? 'input' : 'state', name: own },
      };
    }
    const result = roleOfResult(op, op.outputs.indexOf(root), shape);
    const differentiated = result === 'gradient' ? gradientOf(op) : undefined;
    return {
      role: result,
      layer: differentiated === undefined ? op.layer : layerOf(differentiated),
      content: { kind: 'result', value: root, op },
    };
  };
}

function roleOfState(name: string, role: string): BufferRole {
  if (role === 'parameter') return 'parameter';
  if (role === 'result') return 'parameterGradient';
  return isOptimizerState(name) ? 'optimizer' : 'runningStatistics';
}

function roleOfResult(op: Op, output: number, shape: Shape): BufferRole {
  switch (op.kind) {
    case 'crossEntropy':
    case 'clipNorm':
      return 'scalar';
    case 'statistics':
      return 'statistics';
    case 'conv2dGradWeight':
    case 'conv2dMaxPoolGradWeight':
    case 'linearGradWeight':
      return 'parameterGradient';
    case 'sgd':
    case 'adamw':
    case 'movingAverage':
      return 'optimizer';
    case 'updateRunningStatistics':
      return 'runningStatistics';
    case 'maxPool':
      return output === 1 ? 'poolIndex' : 'featureMap';
    case 'conv2dMaxPool':
      return output === 2 ? 'poolIndex' : 'featureMap';
    case 'conv2d':
    case 'linear':
    case 'batchNorm':
    case 'relu':
    case 'dropout':
    case 'avgPool':
    case 'concat':
    case 'add':
    case 'flatten':
      return isVector(shape) ? 'statistics' : 'featureMap';
    case 'conv2dGradInput':
    case 'linearGradInput':
    case 'elementwiseGradInput':
    case 'dropoutGradInput':
    case 'maxPoolGradInput':
    case 'avgPoolGradInput':
    case 'slice':
    case 'flattenGradInput':
    case 'statisticsGrad':
    case 'crossEntropyGrad':
      return isVector(shape) ? 'statistics' : 'gradient';
    default:
      return assertNever(op);
  }
}

/** A vector over channels: from one batch norm, or several concatenated. */
function isVector(shape: Shape): boolean {
  return shape.length < 2;
}

/** The value whose gradient an op computes. */
function gradientOf(op: Op): ValueId | undefined {
  if ('logits' in op) return op.logits;
  if ('correction' in op) return op.correction.x;
  return 'x' in op ? op.x : undefined;
}
