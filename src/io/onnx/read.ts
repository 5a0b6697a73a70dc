import type { StoredTensor } from '../safetensors.ts';
import { OnnxError } from './error.ts';
import { type MessageName, messageType } from './schema.ts';
import { decodeTensor } from './tensor.ts';
import { type Field, fieldsOf, textOf, WIRE } from './wire.ts';

/** What a file holds besides its operators. */
export interface OnnxWeights {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** More are refused: the largest networks have a few thousand. */
const MAX_TENSORS = 2 ** 14;

/**
 * Reads the initializers of an ONNX file by name, and its `metadata_props`; what the graph computes is not looked at.
 * Tensors are copies; float16 and bfloat16 become float32. `source` is the file's name in messages.
 * @throws OnnxError on anything but a valid file whose data lies in it.
 */
export function readOnnxWeights(bytes: Uint8Array, source: string): OnnxWeights {
  const metadata = new Map<string, string>();
  const tensors = new Map<string, StoredTensor>();
  let [graphs, versions] = [0, 0];
  for (const field of fieldsOf(bytes, `${source}: the file (is it ONNX?)`)) {
    if (isField(field, 'ModelProto', 'ir_version')) versions++;
    else if (isField(field, 'ModelProto', 'metadata_props')) {
      const [key, value] = entryOf(field.payload, `${source}: metadata`);
      metadata.set(key, value);
    } else if (isField(field, 'ModelProto', 'graph')) {
      graphs++;
      readGraph(field.payload, source, tensors);
    }
  }
  if (graphs === 0 || versions === 0) {
    throw new OnnxError(`${source}: not an ONNX file: it has no ${graphs === 0 ? 'graph' : 'IR version'}`);
  }
  return { metadata, tensors };
}

function readGraph(bytes: Uint8Array, source: string, tensors: Map<string, StoredTensor>): void {
  for (const field of fieldsOf(bytes, `${source}: the graph`)) {
    if (isField(field, 'GraphProto', 'sparse_initializer')) {
      throw new OnnxError(`${source}: it has a sparse initializer: dense ones are expected`);
    }
    if (!isField(field, 'GraphProto', 'initializer')) continue;
    const { name, tensor } = decodeTensor(field.payload, source);
    if (tensors.has(name)) throw new OnnxError(`${source}: two tensors are called ${name}`);
    if (tensors.size === MAX_TENSORS) {
      throw new OnnxError(`${source}: more than the ${MAX_TENSORS} tensors allowed`);
    }
    tensors.set(name, tensor);
  }
}

/** A key and a value. */
function entryOf(bytes: Uint8Array, what: string): [string, string] {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(bytes, what)) {
    if (isField(field, 'StringStringEntryProto', 'key')) key = textOf(field.payload, what);
    if (isField(field, 'StringStringEntryProto', 'value')) value = textOf(field.payload, what);
  }
  return [key, value];
}

function isField({ id, wire }: Field, message: MessageName, name: string): boolean {
  const field = messageType(message).fields[name]!;
  return id === field.id && wire === (field.type === 'int64' ? WIRE.varint : WIRE.bytes);
}
