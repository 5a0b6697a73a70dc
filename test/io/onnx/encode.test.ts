import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMessage } from '../../../src/io/onnx/encode.ts';
import { messageType } from '../../support/onnx-messages.ts';

const tensor = fc.record(
  {
    dims: fc.array(fc.nat(2 ** 31)),
    data_type: fc.integer({ min: 0, max: 20 }),
    float_data: fc.array(fc.float({ noNaN: true })),
    int32_data: fc.array(fc.integer()),
    int64_data: fc.array(fc.maxSafeInteger()),
    double_data: fc.array(fc.double({ noNaN: true })),
    raw_data: fc.uint8Array(),
    name: fc.string({ unit: 'binary' }),
  },
  { requiredKeys: [] },
);
const model = fc.record(
  {
    ir_version: fc.maxSafeInteger(),
    doc_string: fc.string(),
    metadata_props: fc.array(fc.record({ key: fc.string(), value: fc.string() })),
    graph: fc.record({ name: fc.string(), initializer: fc.array(tensor, { maxLength: 3 }) }),
  },
  { requiredKeys: [] },
);

test('messages are those that protobufjs writes, byte for byte', () => {
  fc.assert(
    fc.property(model, (value) => {
      const theirs = messageType('ModelProto').encode(messageType('ModelProto').fromObject(value)).finish();
      expect(Buffer.from(encodeMessage('ModelProto', value)).equals(theirs)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
