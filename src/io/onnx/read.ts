import type { ReadBeside } from '../named-weights.ts';
import { quoted } from '../quoted.ts';
import type { StoredTensor } from '../safetensors.ts';
import { OnnxError } from './error.ts';
import { entryOf, isField } from './fields.ts';
import { decodeTensor } from './tensor.ts';
import { type FieldBudget, fieldsOf, textOf } from './wire.ts';

/** What a file holds besides its operators. */
export interface OnnxWeights {
  readonly metadata: ReadonlyMap<string, string>;
  /** `data` is a new copy whenever it is asked for. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** More are refused: the largest networks have a few thousand. */
const MAX_TENSORS = 2 ** 14;
/** The largest networks have some hundred thousand, their nodes' attributes included. */
const MAX_FIELDS = 2 ** 20;
const MAX_METADATA_BYTES = 2 ** 24;

/** A file that is being read. */
interface Reading {
  readonly source: string;
  readonly budget: FieldBudget;
  readonly beside: ReadBeside | undefined;
  readonly tensors: Map<string, StoredTensor>;
}

/**
 * Reads the weights of an ONNX file by name, initializers and constants, and its `metadata_props`; what else the graph
 * computes is not looked at. Numbers are copied when they are asked for; float16 and bfloat16 become float32.
 * @param source the file's name in messages.
 * @param beside reads the files that its data may lie in; without it, such files are refused.
 * @throws OnnxError on anything but a valid file; a tensor of a type that is not read throws when its data is asked for.
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

/** A node of type Constant whose value is a tensor has the name of its output. */
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

/** @param output the name of a constant, whose tensor may have another or none. */
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
