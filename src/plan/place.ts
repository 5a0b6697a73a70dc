import { producers } from '../graph/build.ts';
import type { Graph, Op, ValueId } from '../graph/op.ts';
import { assertNever } from '../tensor/assert-never.ts';
import { ELEMENT_BYTES, type Precision } from '../tensor/precision.ts';
import { asFeatureMap, type Shape } from '../tensor/shape.ts';
import { inPlace } from './in-place.ts';

/** Storage of a value: in the storage of a root value, from element `offset` on. */
export interface Placed {
  readonly root: ValueId;
  readonly offset: number;
  /** Elements between consecutive pixels of the root. */
  readonly stride: number;
  readonly elementBytes: number;
}

/** Elements between consecutive pixels of a feature map with this many channels. At least `channels`. */
export type PixelStride = (channels: number, elementBytes: number) => number;

/**
 * The storage of every value, and the operands of concatenations that must be copied because they are stored
 * elsewhere.
 */
export interface Placement {
  readonly places: ReadonlyMap<ValueId, Placed>;
  readonly copies: ReadonlyMap<Op, readonly { readonly operand: ValueId; readonly offset: number }[]>;
}

/**
 * Lets values share storage, so that no op has to copy them:
 * - a concatenation's operands are written directly into its buffer (each value is stored in at most one);
 * - a slice, and a flattened 1×1 map with the layout of features, are views;
 * - the gradient of a fused stem's pooled map overwrites that map, element by element, because it is its last reader;
 * - a sum overwrites an operand that has no other reader, and copies of its gradient share the storage of the
 *   gradient;
 * - an accumulating output overwrites the value it adds to; new state overwrites the old.
 *
 * Feature maps ([N, C, H, W]: inputs and results) and their gradients are stored in `precision`, all else in float32.
 * Inputs and state are dense; the pixel stride of results is chosen by the target.
 */
export function place(graph: Graph, precision: Precision, pixelStride: PixelStride): Placement {
  const parents = new Map<ValueId, { readonly parent: ValueId; readonly offset: number }>();
  const copies = new Map<Op, { operand: ValueId; offset: number }[]>();
  const producer = producers(graph);
  const { sums, copies: sharedCopies } = inPlace(graph);
  const put = (child: ValueId, parent: ValueId, offset: number) => parents.set(child, { parent, offset });

  for (const op of graph.ops) {
    op.accumulate?.forEach((before, i) => {
      if (before !== undefined) put(op.outputs[i]!, before, 0);
    });
    switch (op.kind) {
      case 'slice':
        put(op.outputs[0]!, op.x, op.offset);
        break;
      case 'flatten':
        if (precision === 'f32' && isPixel(graph.values[op.x]!.shape)) put(op.outputs[0]!, op.x, 0);
        break;
      case 'maxPoolGradInput':
        if (producer.get(op.x)?.kind === 'conv2dMaxPool') put(op.outputs[0]!, op.x, 0);
        break;
      case 'add': {
        const operand = sums.get(op);
        if (operand !== undefined && !parents.has(operand)) put(operand, op.outputs[0]!, 0);
        break;
      }
      case 'elementwiseGradInput':
        if (sharedCopies.has(op)) put(op.outputs[0]!, op.gradOutput.value, 0);
        break;
      case 'sgd':
      case 'adamw': {
        const state = op.tensors.flatMap(({ parameter, memory }) => [parameter, ...memory]);
        op.outputs.forEach((output, i) => {
          put(output, state[i]!, 0);
        });
        break;
      }
      case 'movingAverage':
        op.outputs.forEach((output, i) => {
          put(output, op.pairs[i]!.average, 0);
        });
        break;
      case 'updateRunningStatistics':
        put(op.outputs[0]!, op.runningMean, 0);
        put(op.outputs[1]!, op.runningVar, 0);
        break;
      case 'concat': {
        let offset = 0;
        for (const operand of op.operands) {
          const isFree = producer.has(operand) && !parents.has(operand);
          if (isFree) put(operand, op.outputs[0]!, offset);
          else copies.set(op, [...(copies.get(op) ?? []), { operand, offset }]);
          offset += channelsOf(graph.values[operand]!.shape);
        }
        break;
      }
      case 'conv2d':
      case 'linear':
      case 'batchNorm':
      case 'relu':
      case 'dropout':
      case 'maxPool':
      case 'conv2dMaxPool':
      case 'avgPool':
      case 'statistics':
      case 'crossEntropy':
      case 'conv2dGradInput':
      case 'conv2dGradWeight':
      case 'conv2dMaxPoolGradWeight':
      case 'linearGradInput':
      case 'linearGradWeight':
      case 'dropoutGradInput':
      case 'avgPoolGradInput':
      case 'flattenGradInput':
      case 'statisticsGrad':
      case 'crossEntropyGrad':
      case 'clipNorm':
        break;
      default:
        assertNever(op);
    }
  }

  // Weight gradients have the layout of the weights, although they have four axes like feature maps.
  const dense = new Set(graph.ops.flatMap((op) => (op.kind.endsWith('GradWeight') ? op.outputs : [])));
  const layoutOf = ({ id, role, shape }: Graph['values'][number]) => {
    const isMap = shape.length === 4 && !dense.has(id) && (role === 'input' || role === 'result');
    const elementBytes = isMap ? ELEMENT_BYTES[precision] : 4;
    const channels = channelsOf(shape);
    const isPadded = role === 'result' && !dense.has(id);
    return { stride: isPadded ? pixelStride(channels, elementBytes) : channels, elementBytes };
  };

  const places = new Map<ValueId, Placed>();
  const locate = (id: ValueId): Placed => {
    const known = places.get(id);
    if (known) return known;
    const link = parents.get(id);
    let result: Placed;
    if (link) {
      const parent = locate(link.parent);
      result = { ...parent, offset: parent.offset + link.offset };
    } else result = { root: id, offset: 0, ...layoutOf(graph.values[id]!) };
    places.set(id, result);
    return result;
  };
  for (const { id } of graph.values) locate(id);
  return { places, copies };
}

/** Number of elements of a root value's storage. */
export function storageElements(shape: Shape, stride: number): number {
  if (shape.length !== 4 && shape.length !== 2) return shape.reduce((a, b) => a * b, 1);
  const [n, , h, w] = asFeatureMap(shape);
  return n * h * w * stride;
}

function channelsOf(shape: Shape): number {
  return shape.length === 1 ? shape[0]! : (shape[1] ?? 1);
}

/** True for a map of one pixel: its channels already are its flattened features. */
function isPixel(shape: Shape): boolean {
  const [, , h, w] = asFeatureMap(shape);
  return h * w === 1;
}
