import { assertNever } from '../tensor/assert-never.ts';
import {
  asFeatureMap,
  elementCount,
  formatShape,
  type Pair,
  type Shape,
  ShapeError,
  shapesEqual,
} from '../tensor/shape.ts';
import type { OpSpec, ValueId, Window } from './op.ts';

type ShapeOf = (id: ValueId) => Shape;

/** Shapes of an op's outputs. @throws ShapeError naming the layer when the shapes of the inputs do not fit the op. */
export function inferShapes(op: OpSpec, shapeOf: ShapeOf): Shape[] {
  switch (op.kind) {
    case 'conv2d': {
      const [n, c, h, w] = featureMap(op.layer.label, shapeOf(op.x));
      const [o, ci, kh, kw] = shapeOf(op.weight) as [number, number, number, number];
      require(op.layer.label, ci === c, `the weights are for ${ci} channels, the input has ${c}`);
      const window = { kernel: [kh, kw] as const, stride: op.stride, padding: op.padding };
      return [[n, o, ...slide(op.layer.label, 'convolution', window, [h, w])]];
    }
    case 'conv2dMaxPool': {
      const [y] = inferShapes({ ...op, kind: 'conv2d' }, shapeOf) as [Shape];
      const [n, c, h, w] = featureMap(op.layer.label, y);
      const m = [n, c, ...slide(op.layer.label, 'max pooling', op.pool, [h, w])];
      return [y, m, m];
    }
    case 'linear': {
      const [n, f] = shapeOf(op.x);
      const [o, fi] = shapeOf(op.weight);
      require(op.layer.label, shapeOf(op.x).length ===
        2, 'linear requires N×F features: flatten the feature map first');
      require(op.layer.label, f === fi, `the weights are for ${fi} features, the input has ${f}`);
      return [[n!, o!]];
    }
    case 'batchNorm':
    case 'relu':
    case 'dropout':
      return [shapeOf(op.x)];
    case 'dropoutGradInput':
      return [shapeOf(op.gradOutput.value)];
    case 'maxPool':
    case 'avgPool': {
      const [n, c, h, w] = featureMap(op.layer.label, shapeOf(op.x));
      const [kh, kw] = op.kernel;
      const [ph, pw] = op.padding;
      require(op.layer.label, op.kind === 'avgPool' ||
        kh * kw <= 256, `the ${kh}×${kw} window has more positions than an index, a byte, can tell apart`);
      require(op.layer.label, 2 * ph <= kh &&
        2 * pw <= kw, `padding ${ph}×${pw} is more than half of the ${kh}×${kw} window`);
      const y = [
        n,
        c,
        ...slide(op.layer.label, op.kind === 'maxPool' ? 'max pooling' : 'average pooling', op, [h, w]),
      ];
      return op.kind === 'maxPool' ? [y, y] : [y];
    }
    case 'concat':
      return [concatShape(op.layer.label, op.operands.map(shapeOf))];
    case 'add': {
      const [a, b] = [shapeOf(op.a), shapeOf(op.b)];
      require(op.layer.label, formatShape(a) ===
        formatShape(b), `cannot add ${formatShape(a)} and ${formatShape(b)}`);
      return [a];
    }
    case 'flatten': {
      const [n, ...rest] = shapeOf(op.x);
      return [[n!, elementCount(rest)]];
    }
    case 'statistics': {
      const [n, c, h, w] = asFeatureMap(shapeOf(op.x));
      require(op.layer.label, n * h * w * (op.ranks ?? 1) >
        1, `batch norm needs more than one value per channel in training, but the input is ${formatShape(shapeOf(op.x))}: use a larger batch or image size`);
      return [[c], [c]];
    }
    case 'crossEntropy':
      require(op.layer.label, shapeOf(op.logits).length === 2 &&
        shapeOf(op.labels)[0] ===
          shapeOf(
            op.logits,
          )[0], `logits ${formatShape(shapeOf(op.logits))} do not fit labels ${formatShape(shapeOf(op.labels))}`);
      require(op.layer.label, op.imageWeights === undefined ||
        elementCount(shapeOf(op.imageWeights)) ===
          shapeOf(
            op.logits,
          )[0], `${formatShape(shapeOf(op.imageWeights ?? op.labels))} weights do not fit labels ${formatShape(shapeOf(op.labels))}`);
      return [[1], [1]];
    case 'conv2dGradInput':
    case 'linearGradInput':
    case 'elementwiseGradInput':
    case 'maxPoolGradInput':
    case 'avgPoolGradInput': {
      const bn = op.prologue?.batchNorm;
      const vector = bn && shapeOf(bn.gamma);
      return vector ? [shapeOf(op.x), vector, vector, vector, vector] : [shapeOf(op.x)];
    }
    case 'conv2dGradWeight':
    case 'conv2dMaxPoolGradWeight':
    case 'linearGradWeight': {
      const weight = shapeOf(op.weight);
      return [weight, [weight[0]!]];
    }
    case 'slice': {
      const [first, ...rest] = shapeOf(op.x);
      return [rest.length === 0 ? [op.count] : [first!, op.count, ...rest.slice(1)]];
    }
    case 'flattenGradInput':
      return [shapeOf(op.x)];
    case 'statisticsGrad':
      return [shapeOf(op.correction.x)];
    case 'crossEntropyGrad':
      return [shapeOf(op.logits)];
    case 'updateRunningStatistics':
      return [shapeOf(op.runningMean), shapeOf(op.runningVar)];
    case 'clipNorm':
      return [[1], [1]];
    case 'sgd':
    case 'adamw':
      return op.tensors.flatMap(({ parameter, gradient, memory }) => {
        const shape = shapeOf(parameter);
        const alike = [gradient, ...memory].every((id) => shapesEqual(shapeOf(id), shape));
        require(op.layer
          .label, alike, `gradient or optimiser state of a parameter ${formatShape(shape)} has another shape`);
        return [parameter, ...memory].map(() => shape);
      });
    case 'movingAverage':
      return op.pairs.map(({ average, value }) => {
        const [mean, shape] = [shapeOf(average), shapeOf(value)];
        require(op.layer.label, shapesEqual(
          mean,
          shape,
        ), `the average of ${formatShape(shape)} is ${formatShape(mean)}`);
        return mean;
      });
    default:
      return assertNever(op);
  }
}

/**
 * Output size of a sliding window, `⌊(size + 2·padding − kernel)/stride⌋ + 1`. @throws ShapeError for a map that is
 * too small.
 */
function slide(layer: string, what: string, window: Window, [h, w]: Pair): [number, number] {
  const { kernel, stride, padding } = window;
  const areWhole = [...kernel, ...stride, ...padding].every(Number.isSafeInteger);
  require(layer, areWhole &&
    Math.min(...kernel, ...stride) >= 1 &&
    Math.min(...padding) >=
      0, `${what} has a ${kernel.join('×')} window, stride ${stride.join('×')} and padding ${padding.join('×')}: expected whole numbers, from 1 (padding from 0)`);
  const out = [h, w].map((size, axis) =>
    Math.floor((size + 2 * window.padding[axis]! - window.kernel[axis]!) / window.stride[axis]! + 1),
  );
  require(layer, out.every(
    (size) => size >= 1,
  ), `${what} with a ${window.kernel.join('×')} window does not fit into a ${h}×${w} feature map: use larger images`);
  return out as [number, number];
}

function concatShape(layer: string, shapes: readonly Shape[]): Shape {
  const [first, ...others] = shapes;
  require(layer, first !== undefined, 'nothing to concatenate');
  const axis = first!.length === 1 ? 0 : 1;
  for (const other of others) {
    const fits = other.length === first!.length && other.every((size, i) => i === axis || size === first![i]);
    require(layer, fits, `cannot concatenate ${formatShape(first!)} and ${formatShape(other)} along channels`);
  }
  return first!.map((size, i) => (i === axis ? shapes.reduce((sum, shape) => sum + shape[i]!, 0) : size));
}

function featureMap(layer: string, shape: Shape): readonly [number, number, number, number] {
  require(layer, shape.length === 4, `expected a feature map N×C×H×W, got ${formatShape(shape)}`);
  return asFeatureMap(shape);
}

function require(layer: string, holds: boolean, message: string): void {
  if (!holds) throw new ShapeError(layer, message);
}
