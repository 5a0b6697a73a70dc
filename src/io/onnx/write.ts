import type { Graph, Op, ValueId } from '../../graph/op.ts';
import { elementCount, formatShape, type Shape } from '../../tensor/shape.ts';
import { VERSION } from '../../version.ts';
import { encodeMessage as encode, encodeHead } from './encode.ts';
import { OnnxError } from './error.ts';
import { type Operator, operatorOf } from './nodes.ts';
import { DATA_TYPES, fieldOf, IR_VERSION, type MessageName, OPSET } from './schema.ts';

/** A trained network to export. */
export interface OnnxModel {
  readonly name: string;
  /** The evaluation graph for one image, from `images` [1, C, H, W] to `logits` [1, classes]. */
  readonly graph: Graph;
  /** Parameters and running statistics by PyTorch's names. */
  readonly state: ReadonlyMap<string, Float32Array | Float64Array>;
  /** Written as `metadata_props`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The same as readable text. */
  readonly docString: string;
}

/** Limit on the size of a protobuf message. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Encodes an ONNX file (opset 17) as a list of pieces; tensor data are views of `state`. Deterministic. The input
 * is `images` [N, C, H, W], the output `logits` [N, classes], float32, for any number N of images; initializers
 * have PyTorch's names.
 * @throws OnnxError if the file would be larger than 2 GiB, an op has no equivalent, or a tensor has the wrong
 * size.
 */
export function encodeOnnx({ name, graph, state, metadata, docString }: OnnxModel): Uint8Array[] {
  const [images, logits] = [graph.inputs.get('images'), graph.outputs.get('logits')];
  if (images === undefined || logits === undefined) {
    throw new OnnxError('a graph from images to logits is wanted');
  }
  const shapes = [...graph.state].map(([tensor, id]) => [tensor, graph.values[id]!.shape] as const);
  requireRoom(shapes.reduce((sum, [, shape]) => sum + 4 * elementCount(shape), 0));

  const head = encode('ModelProto', {
    ir_version: IR_VERSION,
    producer_name: 'densor',
    producer_version: VERSION,
    doc_string: docString,
    opset_import: [{ domain: '', version: OPSET }],
    metadata_props: [...metadata].map(([key, value]) => ({ key, value })),
  });
  const operators = encode('GraphProto', {
    name,
    node: nodesOf(graph, images, logits),
    input: [valueInfo('images', graph.values[images]!.shape)],
    output: [valueInfo('logits', graph.values[logits]!.shape)],
  });
  const tensors = shapes.flatMap(([tensor, shape]) =>
    nested('GraphProto', 'initializer', tensorPieces(tensor, shape, state.get(tensor))),
  );
  const pieces = [head, ...nested('ModelProto', 'graph', [operators, ...tensors])];
  requireRoom(sizeOf(pieces));
  return pieces;
}

/** Encodes a field that is a message or bytes: tag, length, and the pieces of its content. */
function nested(message: MessageName, field: string, content: readonly Uint8Array[]): Uint8Array[] {
  return [encodeHead(fieldOf(message, field).id, sizeOf(content)), ...content];
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function requireRoom(bytes: number): void {
  if (bytes <= MAX_BYTES) return;
  throw new OnnxError(
    `the network needs ${(bytes / 2 ** 30).toFixed(2)} GiB, an ONNX file holds at most 2: write safetensors instead`,
  );
}

/** The nodes that the logits depend on, in the order of the graph, with unique names for all values. */
function nodesOf(graph: Graph, images: ValueId, logits: ValueId) {
  const operators = operatorsFor(logits, graph);
  const names = new Map<ValueId, string>([[images, 'images']]);
  for (const [name, id] of graph.state) names.set(id, name);
  const taken = new Set([...names.values(), 'logits']);
  const nodes = operators.map(([op, { type, inputs, output, attributes }]) => {
    const name = unique(`${op.layer.label} ${type}`, taken);
    names.set(output, output === logits ? 'logits' : name);
    return {
      name,
      op_type: type,
      input: inputs.map((id) => names.get(id)!),
      output: [names.get(output)!],
      attribute: attributes,
    };
  });
  if (names.get(logits) === 'logits') return nodes;
  // A network whose output is its input.
  const [input, output] = [[names.get(logits)!], ['logits']];
  return [...nodes, { name: 'identity', op_type: 'Identity', input, output, attribute: [] }];
}

function operatorsFor(logits: ValueId, graph: Graph): (readonly [Op, Operator])[] {
  const wanted = new Set([logits]);
  const found: (readonly [Op, Operator])[] = [];
  for (const op of [...graph.ops].reverse()) {
    if (!op.outputs.some((id) => wanted.has(id))) continue;
    const operator = operatorOf(op, graph);
    for (const id of operator.inputs) wanted.add(id);
    found.push([op, operator]);
  }
  return found.reverse();
}

function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name} ${n}`;
  taken.add(free);
  return free;
}

/** Encodes a `TensorProto` as pieces. */
function tensorPieces(
  name: string,
  shape: Shape,
  data: Float32Array | Float64Array | undefined,
): Uint8Array[] {
  if (!data) throw new OnnxError(`tensor ${name} has no numbers`);
  if (data.length !== elementCount(shape)) {
    throw new OnnxError(`tensor ${name} has ${data.length} numbers, ${formatShape(shape)} are wanted`);
  }
  const floats = data instanceof Float32Array ? data : Float32Array.from(data);
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  const head = encode('TensorProto', { name, dims: shape, data_type: DATA_TYPES.FLOAT });
  return [head, ...nested('TensorProto', 'raw_data', [bytes])];
}

function valueInfo(name: string, [, ...rest]: Shape) {
  const dim = [{ dim_param: 'N' }, ...rest.map((size) => ({ dim_value: size }))];
  return { name, type: { tensor_type: { elem_type: DATA_TYPES.FLOAT, shape: { dim } } } };
}
