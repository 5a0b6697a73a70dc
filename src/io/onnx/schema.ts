/**
 * The subset of ONNX that is read and written: messages and field numbers from
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, explained in https://onnx.ai/onnx/repo-docs/IR.html.
 */
export const MESSAGES = {
  ModelProto: {
    ir_version: ['int64', 1],
    producer_name: ['string', 2],
    producer_version: ['string', 3],
    doc_string: ['string', 6],
    graph: ['GraphProto', 7],
    opset_import: ['OperatorSetIdProto[]', 8],
    metadata_props: ['StringStringEntryProto[]', 14],
  },
  GraphProto: {
    node: ['NodeProto[]', 1],
    name: ['string', 2],
    initializer: ['TensorProto[]', 5],
    input: ['ValueInfoProto[]', 11],
    output: ['ValueInfoProto[]', 12],
    sparse_initializer: ['bytes[]', 15],
  },
  NodeProto: {
    input: ['string[]', 1],
    output: ['string[]', 2],
    name: ['string', 3],
    op_type: ['string', 4],
    attribute: ['AttributeProto[]', 5],
  },
  AttributeProto: {
    name: ['string', 1],
    f: ['float', 2],
    i: ['int64', 3],
    t: ['TensorProto', 5],
    ints: ['int64[]', 8],
    type: ['int32', 20],
  },
  TensorProto: {
    dims: ['int64[]', 1],
    data_type: ['int32', 2],
    segment: ['bytes', 3],
    float_data: ['float[]', 4],
    int32_data: ['int32[]', 5],
    int64_data: ['int64[]', 7],
    name: ['string', 8],
    raw_data: ['bytes', 9],
    double_data: ['double[]', 10],
    external_data: ['StringStringEntryProto[]', 13],
    data_location: ['int32', 14],
  },
  ValueInfoProto: { name: ['string', 1], type: ['TypeProto', 2] },
  TypeProto: { tensor_type: ['Tensor', 1] },
  Tensor: { elem_type: ['int32', 1], shape: ['TensorShapeProto', 2] },
  TensorShapeProto: { dim: ['Dimension[]', 1] },
  Dimension: { dim_value: ['int64', 1], dim_param: ['string', 2] },
  StringStringEntryProto: { key: ['string', 1], value: ['string', 2] },
  OperatorSetIdProto: { domain: ['string', 1], version: ['int64', 2] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly [type: string, id: number]>>>>;

export type MessageName = keyof typeof MESSAGES;

/** A field of a message: its type, with `[]` where it is repeated, and its number. */
export interface FieldType {
  readonly type: string;
  readonly id: number;
}

/** A message's field by its name. */
export function fieldOf(message: MessageName, name: string): FieldType {
  const fields: Readonly<Record<string, readonly [string, number]>> = MESSAGES[message];
  const [type, id] = fields[name]!;
  return { type, id };
}

/** A message's field by its number, with its name; undefined where it is none that is read. */
export function fieldById(
  message: MessageName,
  id: number,
): (FieldType & { readonly name: string }) | undefined {
  const found = Object.entries(MESSAGES[message]).find(([, [, each]]) => each === id);
  return found && { name: found[0], type: found[1][0], id };
}

/** `TensorProto.DataType`, the members that can be read. Only FLOAT is written. */
export const DATA_TYPES = {
  FLOAT: 1,
  UINT8: 2,
  INT32: 6,
  INT64: 7,
  FLOAT16: 10,
  DOUBLE: 11,
  BFLOAT16: 16,
} as const;

/** `AttributeProto.AttributeType`, the members that are written. */
export const ATTRIBUTE_TYPES = { FLOAT: 1, INT: 2, INTS: 7 } as const;

/** `TensorProto.DataLocation`. */
export const EXTERNAL = 1;

/** Those of ONNX 1.12 (https://onnx.ai/onnx/repo-docs/Versioning.html). */
export const IR_VERSION = 8;
export const OPSET = 17;
