import { describe, expect, test } from 'vitest';
import { readOnnxWeights } from '../../../src/io/onnx/read.ts';
import { DATA_TYPES } from '../../../src/io/onnx/schema.ts';
import type { StoredArray } from '../../../src/io/safetensors.ts';
import { onnxSeed } from '../../../tools/torture/files/onnx-seed.ts';
import { messageType } from '../../support/onnx-messages.ts';

const { FLOAT, DOUBLE, INT64, INT32, UINT8, FLOAT16, BFLOAT16 } = DATA_TYPES;
type Message = Readonly<Record<string, unknown>>;

const model = (graph: Message): Uint8Array =>
  messageType('ModelProto').encode({ ir_version: 8, graph }).finish();
const withMetadata = (value: string): Uint8Array =>
  messageType('ModelProto')
    .encode({ ir_version: 8, metadata_props: [{ key: 'k', value }], graph: {} })
    .finish();
/** A file with one tensor, by default w with 2 floats. */
const tensorFile = (given: Message): Uint8Array =>
  model({ initializer: [{ name: 'w', dims: [2], data_type: FLOAT, ...given }] });
const read = (bytes: Uint8Array) => readOnnxWeights(bytes, 'x.onnx');
const field = (id: number, wire: number, ...payload: number[]) => Buffer.of((id << 3) | wire, ...payload);
const bytesField = (id: number, payload: Uint8Array) =>
  Buffer.concat([field(id, 2, payload.length), payload]);
/** The same encoded by hand, for content that the encoder does not write. */
const rawFile = (tensor: Uint8Array) => Buffer.concat([field(1, 0, 8), bytesField(7, bytesField(5, tensor))]);
const NAMED = bytesField(8, Buffer.from('w'));
const bytesOf = (data: StoredArray) => new Uint8Array(data.buffer);

describe('the weights of an ONNX file', () => {
  test.each<[string, Message, StoredArray]>([
    ['float32', { data_type: FLOAT, raw_data: bytesOf(Float32Array.of(1.5, -2)) }, Float32Array.of(1.5, -2)],
    ['float32 in float_data', { data_type: FLOAT, float_data: [1.5, -2] }, Float32Array.of(1.5, -2)],
    [
      'float64',
      { data_type: DOUBLE, raw_data: bytesOf(Float64Array.of(Math.PI, 0)) },
      Float64Array.of(Math.PI, 0),
    ],
    ['float64 in double_data', { data_type: DOUBLE, double_data: [Math.PI, 0] }, Float64Array.of(Math.PI, 0)],
    [
      'float16',
      { data_type: FLOAT16, raw_data: Uint8Array.of(0x00, 0x3e, 0x01, 0x80) },
      Float32Array.of(1.5, -(2 ** -24)),
    ],
    [
      'float16 in int32_data',
      { data_type: FLOAT16, int32_data: [0x7bff, 0xfc00] },
      Float32Array.of(65504, Number.NEGATIVE_INFINITY),
    ],
    [
      'bfloat16',
      { data_type: BFLOAT16, raw_data: Uint8Array.of(0xc0, 0x3f, 0x00, 0xc0) },
      Float32Array.of(1.5, -2),
    ],
    [
      'bfloat16 in int32_data',
      { data_type: BFLOAT16, int32_data: [0x3fc0, 0xc000] },
      Float32Array.of(1.5, -2),
    ],
    [
      'int64',
      { data_type: INT64, raw_data: bytesOf(BigInt64Array.of(-1n, 2n ** 62n)) },
      BigInt64Array.of(-1n, 2n ** 62n),
    ],
    ['int64 in int64_data', { data_type: INT64, int64_data: [-1, 300] }, BigInt64Array.of(-1n, 300n)],
    ['int32 in int32_data', { data_type: INT32, int32_data: [-1, 300] }, Int32Array.of(-1, 300)],
    ['bytes in int32_data', { data_type: UINT8, int32_data: [0, 255] }, Uint8Array.of(0, 255)],
  ])('are read: %s', (_, given, data) => {
    expect(read(tensorFile(given)).tensors).toEqual(new Map([['w', { shape: [2], data }]]));
  });

  test('are read with their shapes, a scalar and an empty one too, in the order of the file', () => {
    const initializer = [
      { name: 'b.a', dims: [2, 1, 3], data_type: FLOAT, float_data: [1, 2, 3, 4, 5, 6] },
      { name: 'scalar', dims: [], data_type: FLOAT, float_data: [7] },
      { name: '__proto__', dims: [0, 4], data_type: FLOAT },
    ];
    const { tensors } = read(model({ initializer }));
    expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ['b.a', [2, 1, 3]],
      ['scalar', []],
      ['__proto__', [0, 4]],
    ]);
  });

  test('are read whether sizes and numbers are packed or not', () => {
    const floats = Buffer.from(Float32Array.of(1, 2).buffer);
    const type = field(2, 0, FLOAT);
    const packed = Buffer.concat([NAMED, type, bytesField(1, Buffer.of(1, 2)), bytesField(4, floats)]);
    const loose = Buffer.concat([
      ...[NAMED, type, field(1, 0, 1), field(1, 0, 2)],
      ...[field(4, 5, ...floats.subarray(0, 4)), field(4, 5, ...floats.subarray(4))],
    ]);
    const want = new Map([['w', { shape: [1, 2], data: Float32Array.of(1, 2) }]]);
    expect(read(rawFile(packed)).tensors).toEqual(want);
    expect(read(rawFile(loose)).tensors).toEqual(want);
  });

  test('are copies, and correct at odd offsets of a larger buffer', () => {
    const file = tensorFile({ raw_data: bytesOf(Float32Array.of(1, 2)) });
    const buffer = Buffer.concat([Buffer.of(9), file]);
    const { data } = read(buffer.subarray(1)).tensors.get('w')!;
    buffer.fill(0);
    expect(data).toEqual(Float32Array.of(1, 2));
  });

  test('come with the metadata', () => {
    expect(read(onnxSeed())).toMatchObject({
      metadata: new Map([['classes', '["a","b"]']]),
    });
  });

  test('include constants, by the names of their outputs', () => {
    const t = { dims: [2], data_type: FLOAT, float_data: [1, 2] };
    const constant = { op_type: 'Constant', output: ['a.weight'], attribute: [{ name: 'value', t }] };
    const node = [
      { op_type: 'Constant', output: ['shape'], attribute: [{ name: 'value_ints', ints: [1, 2] }] },
      constant,
      {
        op_type: 'Constant',
        output: ['flag'],
        attribute: [{ name: 'value', t: { ...t, name: 'own', data_type: 9 } }],
      },
      { op_type: 'Scale', output: ['other'], attribute: [{ name: 'value', t }] },
    ];
    const { tensors } = read(model({ node }));
    expect([...tensors.keys()]).toEqual(['a.weight', 'flag']);
    expect(tensors.get('a.weight')!.data).toEqual(Float32Array.of(1, 2));
    expect(() => read(model({ node: [constant, constant] }))).toThrow(/two tensors are called a\.weight/);
  });

  test("of a type that is not read are in nobody's way until they are wanted", () => {
    const { tensors } = read(model({ initializer: [{ name: 'text', dims: [1], data_type: 8 }] }));
    expect(() => tensors.get('text')!.data).toThrow(/tensor text is of type 8; known are/);
  });

  const eight = new Uint8Array(8);
  test.each<[string, Uint8Array, RegExp]>([
    ['is empty', new Uint8Array(0), /not an ONNX file: it has no graph/],
    ['is text', Buffer.from('once upon a time'), /x\.onnx: the file \(is it ONNX\?\) is damaged/],
    ['is safetensors', Buffer.from('0800000000000000', 'hex'), /x\.onnx: /],
    ['has no version', messageType('ModelProto').encode({ graph: {} }).finish(), /no IR version/],
    ['has its data elsewhere', tensorFile({ data_location: 1 }), /tensor w lies in another file/],
    [
      'names a file of data',
      tensorFile({ external_data: [{ key: 'location', value: '/etc/passwd' }] }),
      /tensor w lies in another file/,
    ],
    ['has a segment', tensorFile({ segment: Buffer.of(8, 0), raw_data: eight }), /tensor w is a segment/],
    ['has a sparse tensor', model({ sparse_initializer: [eight] }), /sparse/],
    [
      'has too few numbers',
      tensorFile({ dims: [3], raw_data: eight }),
      /tensor w \(3 FLOAT\) needs 12 bytes, 8 are/,
    ],
    ['has too many numbers', tensorFile({ dims: [1], raw_data: eight }), /needs 4 bytes, 8 are there/],
    ['has half a number', tensorFile({ dims: [2], raw_data: eight.subarray(1) }), /needs 8 bytes, 7/],
    ['has no numbers', tensorFile({}), /needs 8 bytes, 0 are there/],
    ['has numbers of another type', tensorFile({ double_data: [1, 2] }), /needs 8 bytes, 0 are there/],
    ['has numbers twice', tensorFile({ raw_data: eight, float_data: [1, 2] }), /numbers twice/],
    ['has too few varints', tensorFile({ data_type: INT64, int64_data: [300] }), /needs 2 numbers, 1 are/],
    [
      'has too many varints',
      tensorFile({ data_type: INT64, int64_data: [1, 2, 3] }),
      /needs 2 numbers, 3 are there/,
    ],
    [
      'claims 2^40 numbers',
      tensorFile({ dims: [2 ** 20, 2 ** 20], raw_data: eight }),
      /needs 4398046511104 bytes/,
    ],
    [
      'claims 2^40 varints',
      tensorFile({ dims: [2 ** 40], data_type: INT64, int64_data: [1] }),
      /needs 1099511627776 numbers/,
    ],
    ['claims more than can be counted', tensorFile({ dims: [2 ** 40, 2 ** 40] }), /beyond all numbers/],
    ['has a negative size', tensorFile({ dims: [-2], raw_data: eight }), /axis of size -2/],
    ['has 17 axes', tensorFile({ dims: Array(17).fill(1) }), /more than 16 axes/],
    ['has an unknown type', tensorFile({ data_type: 77 }), /tensor w is of type 77; known are FLOAT, /],
    ['has text', tensorFile({ data_type: 8 }), /of type 8/],
    ['has no type', tensorFile({ data_type: undefined, raw_data: eight }), /of type unknown/],
    ['has no name', tensorFile({ name: '', raw_data: eight }), /a tensor has no name/],
    ['has a name of no text', rawFile(bytesField(8, Buffer.of(0xff, 0xfe))), /name of a tensor is damaged/],
    [
      'names two alike',
      model({ initializer: [1, 2].map(() => ({ name: 'w', dims: [0], data_type: FLOAT })) }),
      /two tensors are called w/,
    ],
    [
      'has too many tensors',
      model({
        initializer: Array.from({ length: 16_385 }, (_, i) => ({
          name: `${i}`,
          dims: [0],
          data_type: FLOAT,
        })),
      }),
      /more than the 16384 tensors/,
    ],
    [
      'has a size in too many pieces',
      model({ initializer: [{ name: 'w', dims: Array(65_537).fill(1), data_type: FLOAT }] }),
      /dims in too many pieces/,
    ],
    ['ends early', tensorFile({ raw_data: eight }).subarray(0, 12), /damaged/],
    [
      'claims a length of 2 GiB',
      Buffer.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x07),
      /damaged: a field of 2147483647 bytes where 0 are left/,
    ],
    ['claims a length beyond that', Buffer.of(0x3a, ...Array(9).fill(0xff), 0x01), /damaged/],
    ['has a varint without end', Buffer.alloc(40, 0xff), /damaged/],
    ['is a hundred thousand groups deep', Buffer.alloc(100_000, (99 << 3) | 3), /damaged/],
    [
      'has a number of a thousand bytes',
      Buffer.of(0x08, ...Array(1000).fill(0x80), 1),
      /a number of more than 10 bytes/,
    ],
    ['has a number of 65 bits', Buffer.of(0x08, ...Array(9).fill(0x80), 2), /more than 64 bits/],
    ['has a group in it', Buffer.of(0x08, 8, 0x0b, 0x0c), /wire type 3, which ONNX does not use/],
    ['has a million and a half of fields', Buffer.alloc(3_000_000, 0x08), /too many fields/],
    ['has metadata of 17 MiB', withMetadata('a'.repeat(17 * 2 ** 20)), /metadata are larger than the 16 MiB/],
    ['has a field 0', Buffer.of(0x02, 0x00), /number 0/],
  ])('are refused when the file %s', (_, bytes, message) => {
    const readAll = () => [...read(bytes).tensors.values()].map(({ data }) => data);
    expect(readAll).toThrow(
      expect.objectContaining({ name: 'OnnxError', message: expect.stringMatching(message) }),
    );
  });
});
