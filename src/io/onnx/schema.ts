import protobuf from 'protobufjs/light.js';

/**
 * The subset of ONNX that is read and written: messages and field numbers from
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, explained in https://onnx.ai/onnx/repo-docs/IR.html.
 */
const { nested } = protobuf.Root.fromJSON({
  nested: {
    ModelProto: message({
      ir_version: ['int64', 1],
      producer_name: ['string', 2],
      producer_version: ['string', 3],
      doc_string: ['string', 6],
      graph: ['GraphProto', 7],
      opset_import: ['OperatorSetIdProto[]', 8],
      metadata_props: ['StringStringEntryProto[]', 14],
    }),
    GraphProto: message({
      node: ['NodeProto[]', 1],
      name: ['string', 2],
      initializer: ['TensorProto[]', 5],
      input: ['ValueInfoProto[]', 11],
      output: ['ValueInfoProto[]', 12],
      sparse_initializer: ['bytes[]', 15],
    }),
    NodeProto: message({
      input: ['string[]', 1],
      output: ['string[]', 2],
      name: ['string', 3],
      op_type: ['string', 4],
      attribute: ['AttributeProto[]', 5],
    }),
    AttributeProto: message({
      name: ['string', 1],
      f: ['float', 2],
      i: ['int64', 3],
      t: ['TensorProto', 5],
      ints: ['int64[]', 8],
      type: ['int32', 20],
    }),
    TensorProto: message({
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
    }),
    ValueInfoProto: message({ name: ['string', 1], type: ['TypeProto', 2] }),
    TypeProto: message({ tensor_type: ['Tensor', 1] }),
    Tensor: message({ elem_type: ['int32', 1], shape: ['TensorShapeProto', 2] }),
    TensorShapeProto: message({ dim: ['Dimension[]', 1] }),
    Dimension: message({ dim_value: ['int64', 1], dim_param: ['string', 2] }),
    StringStringEntryProto: message({ key: ['string', 1], value: ['string', 2] }),
    OperatorSetIdProto: message({ domain: ['string', 1], version: ['int64', 2] }),
  },
});

function message(fields: Readonly<Record<string, readonly [type: string, id: number]>>): protobuf.IType {
  return {
    edition: 'proto2', // As the specification; zeros are written explicitly.
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, [type, id]]) => [
        name,
        type.endsWith('[]') ? { rule: 'repeated', type: type.slice(0, -2), id } : { type, id },
      ]),
    ),
  };
}

export type MessageName =
  | 'ModelProto'
  | 'GraphProto'
  | 'NodeProto'
  | 'AttributeProto'
  | 'TensorProto'
  | 'StringStringEntryProto'
  | 'OperatorSetIdProto';

/** The type of a message, for encoding it and for looking up its fields. */
export function messageType(name: MessageName): protobuf.Type {
  return nested![name] as protobuf.Type;
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
