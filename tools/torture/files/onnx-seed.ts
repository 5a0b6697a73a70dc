import { encodeMessage } from '../../../src/io/onnx/encode.ts';
import { DATA_TYPES } from '../../../src/io/onnx/schema.ts';

/** An ONNX file with every kind of field that the reader uses. */
export function onnxSeed(): Uint8Array {
  const { FLOAT, DOUBLE, INT64, INT32, FLOAT16, BFLOAT16, UINT8 } = DATA_TYPES;
  const message = {
    ir_version: 8,
    producer_name: 'densor',
    opset_import: [{ domain: '', version: 17 }],
    metadata_props: [{ key: 'classes', value: '["a","b"]' }],
    graph: {
      name: 'net',
      node: [
        { op_type: 'Relu', input: ['images'], output: ['logits'], name: 'relu', attribute: [] },
        {
          op_type: 'Constant',
          output: ['constant'],
          attribute: [{ name: 'value', t: { dims: [2], data_type: FLOAT, float_data: [1, 2] }, type: 4 }],
        },
      ],
      initializer: [
        { name: '0.weight', dims: [2, 1, 1, 2], data_type: FLOAT, raw_data: new Uint8Array(16).fill(0x3f) },
        { name: 'floats', dims: [3], data_type: FLOAT, float_data: [1, 2, 3] },
        { name: 'doubles', dims: [2], data_type: DOUBLE, double_data: [0.5, -1e300] },
        { name: 'halves', dims: [2], data_type: FLOAT16, int32_data: [0x3c00, 0x8001] },
        { name: 'brains', dims: [1, 2], data_type: BFLOAT16, raw_data: Uint8Array.of(0x80, 0x3f, 0, 0x40) },
        { name: 'longs', dims: [2], data_type: INT64, int64_data: [-1, 300] },
        { name: 'ints', dims: [1], data_type: INT32, int32_data: [-7] },
        { name: 'bytes', dims: [2], data_type: UINT8, int32_data: [0, 255] },
        { name: 'scalar', dims: [], data_type: FLOAT, float_data: [1] },
      ],
    },
  };
  return encodeMessage('ModelProto', message);
}
