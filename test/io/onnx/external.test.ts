import { describe, expect, test } from 'vitest';
import { readOnnxWeights } from '../../../src/io/onnx/read.ts';
import { DATA_TYPES, EXTERNAL } from '../../../src/io/onnx/schema.ts';
import { messageType } from '../../support/onnx-messages.ts';

const data = new Uint8Array(Float32Array.of(9, 1, 2, 3).buffer);
const asked: string[] = [];
const beside = (name: string) => {
  asked.push(name);
  return data;
};

/** A file with one tensor w, 2 floats in external data. */
const file = (external: Readonly<Record<string, string>>, more = {}): Uint8Array =>
  messageType('ModelProto')
    .encode({
      ir_version: 8,
      graph: {
        initializer: [
          {
            ...{ name: 'w', dims: [2], data_type: DATA_TYPES.FLOAT, data_location: EXTERNAL },
            external_data: Object.entries(external).map(([key, value]) => ({ key, value })),
            ...more,
          },
        ],
      },
    })
    .finish();

describe('external data of an ONNX file', () => {
  test.each<[string, Readonly<Record<string, string>>, number[]]>([
    ['at an offset, of a length', { location: 'x.data', offset: '4', length: '8' }, [1, 2]],
    ['up to the end', { location: 'x.data', offset: '8' }, [2, 3]],
    [
      'with a checksum, which nothing needs',
      { location: 'x.data', offset: '0', length: '8', checksum: 'ab' },
      [9, 1],
    ],
  ])('are read %s', (_, external, numbers) => {
    const { tensors } = readOnnxWeights(file(external), 'x.onnx', beside);
    expect(asked.at(-1)).toBe('x.data');
    expect(tensors.get('w')).toEqual({ shape: [2], data: Float32Array.from(numbers) });
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      'behind its end',
      { location: 'x.data', offset: '12', length: '8' },
      /lies at bytes 12 to 20 of x\.data, which has 16/,
    ],
    ['far behind its end', { location: 'x.data', offset: '999999999999999' }, /of x\.data, which has 16/],
    [
      'of another size',
      { location: 'x.data', offset: '4', length: '4' },
      /tensor w \(2 FLOAT\) needs 8 bytes, 4 are there/,
    ],
    ['before its beginning', { location: 'x.data', offset: '-4' }, /has no offset/],
    ['at no number', { location: 'x.data', offset: '0x4' }, /has no offset/],
    ['of a length beyond all numbers', { location: 'x.data', length: '9'.repeat(30) }, /has no length/],
    ['without a name', { offset: '4' }, /lies in another file, which is not named/],
  ])('are refused %s', (_, external, message) => {
    expect(() => readOnnxWeights(file(external), 'x.onnx', beside)).toThrow(message);
  });

  test('are refused if no file can be read', () => {
    expect(() => readOnnxWeights(file({ location: 'x.data' }), 'x.onnx')).toThrow(
      /tensor w lies in another file, x\.data: save the model with its data inside/,
    );
  });
});
