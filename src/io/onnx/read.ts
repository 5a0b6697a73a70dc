import type { ReadBeside } from '../named-weights.ts';
import { quoted } from '../quoted.ts';
import type { StoredTensor } from '../safetensors.ts';
import { OnnxError } from './error.ts';
import { entryOf, isField } from './fields.ts';
import { decodeTensor } from './tensor.ts';
import { type FieldBudget, fieldsOf, textOf } from './wire.ts';

/** The weights and metadata of a file. */
export interface OnnxWeights {
  readonly metadata: ReadonlyMap<string, string>;
  /** Each access to `data` returns a new copy. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Files with more are rejected; the largest networks have a few thousand. */
const MAX_TENSORS = 2 ** 14;
/** The largest networks have some hundred thousand fields, including attributes of nodes. */
const MAX_FIELDS = 2 ** 20;
const MAX_METADATA_BYTES = 2 ** 24;

/** State of reading a file. */
interface Reading {
  readonly source: string;
  readonly budget: FieldBudget;
  readonly beside: ReadBeside | undefined;
  readonly tensors: Map<string, StoredTensor>;
}

/**
 * Reads the weights of an ONNX file (initializers and constants) by name, and its `metadata_props`; other nodes of
 * the graph are ignored. Data is copied on access; float16 and bfloat16 are converted to float32.
 * @param source name of the file in messages.
 * @param beside reads files with external data; without it, such files are rejected.
 * @throws OnnxError if the file is invalid; tensors of unsupported types throw on access to their data.
 */
export function readOnnxWeights(bytes: Uint8Array, source: string, beside?: ReadBeside): OnnxWeights {
  const metadata = new Map<string, string>();
  const reading = { source, beside, budget: { left: MAX_FIELDS }, tensors: new Map<string, StoredTensor>() };
  const { budget } = reading;
  let [graphs, versions, metadataBytes] = [0, 0, 0];
  for (const field of fieldsOf(bytes, `${source}: the file (is it ONNX?)`, budget)) {
    if (isField(field, 'ModelProto', 'ir_version')) versions++;
    else if (isField(field, 'ModelProto', 'metadata_props')) {
      metadataBytes += field.payload.length;
      if (metadataBytes > MAX_METADATA_BYTES)
        throw new OnnxError(`${source}: its metadata are larger than the 16 MiB allowed`);
      const [key, value] = entryOf(field.payload, `${source}: metadata`, budget);
      metadata.set(key, value);
    } else if (isField(field, 'ModelProto', 'graph')) {
      graphs++;
      readGraph(field.payload, reading);
    }
  }
  if (graphs === 0 || versions === 0) {
    throw new OnnxError(`${source}: not an ONNX file: it has no ${graphs === 0 ? 'graph' : 'IR version'}`);
  }
  return { metadata, tensors: reading.tensors };
}

function readGraph(bytes: Uint8Array, reading: Reading): void {
  const { source, budget } = reading;
  for (const field of fieldsOf(bytes, `${source}: the graph`, budget)) {
    if (isField(field, 'GraphProto', 'sparse_initializer')) {
      throw new OnnxError(`${source}: it has a sparse initializer: dense ones are expected`);
    }
    if (isField(field, 'GraphProto', 'initializer')) addTensor(field.payload, undefined, reading);
    if (isField(field, 'GraphProto', 'node')) readConstant(field.payload, reading);
  }
}

/** Reads a Constant node with a tensor; the tensor is named after the output of the node. */
function readConstant(bytes: Uint8Array, reading: Reading): void {
  const what = `${reading.source}: a node`;
  let output: string | undefined;
  let isConstant = false;
  const attributes: Uint8Array[] = [];
  for (const field of fieldsOf(bytes, what, reading.budget)) {
    if (isField(field, 'NodeProto', 'op_type')) isConstant = textOf(field.payload, what) === 'Constant';
    else if (isField(field, 'NodeProto', 'output')) output ??= textOf(field.payload, what);
    else if (isField(field, 'NodeProto', 'attribute')) attributes.push(field.payload);
  }
  if (!isConstant || output === undefined) return;
  for (const attribute of attributes) {
    for (const field of fieldsOf(attribute, what, reading.budget)) {
      if (isField(field, 'AttributeProto', 't')) addTensor(field.payload, output, reading);
    }
  }
}

/** Adds a tensor. @param output name of the constant, which replaces that of the tensor. */
function addTensor(
  bytes: Uint8Array,
  output: string | undefined,
  { source, budget, beside, tensors }: Reading,
): void {
  const { name, tensor } = decodeTensor(bytes, output, { source, budget, beside });
  if (tensors.has(name)) throw new OnnxError(`${source}: two tensors are called ${quoted(name)}`);
  if (tensors.size === MAX_TENSORS) {
    throw new OnnxError(`${source}: more than the ${MAX_TENSORS} tensors allowed`);
  }
  tensors.set(name, tensor);
}
