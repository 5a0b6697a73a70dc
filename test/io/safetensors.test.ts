import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from '../../src/io/safetensors.ts';

function file(header: unknown, dataBytes = 0): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}
const tensor = (shape: number[], begin: number, end: number, dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('a safetensors file', () => {
  test('is read as it was written', () => {
    const content = {
      metadata: new Map([['made', 'by a "test" {']]),
      tensors: new Map([
        ['a', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, Number.NaN) }],
        ['b', { shape: [], data: Float64Array.of(Math.PI) }],
        ['c.d', { shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) }],
        ['empty', { shape: [0, 4], data: new Float32Array(0) }],
        ['bytes', { shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ]),
    };
    expect(decodeSafetensors(Buffer.concat(encodeSafetensors(content)), 'test')).toEqual(content);
  });

  test.each([
    ['is too short', Buffer.alloc(5), /too few/],
    ['claims a header over 16 MiB', Buffer.from('0100000100000000', 'hex'), /16777217 bytes.*16 MiB/],
    ['ends in its header', Buffer.concat([file({}).subarray(0, 9)]), /truncated/],
    ['has no JSON header', file('{"a":'), /not valid JSON/],
    ['has a header that is a list', file('[]'), /no object/],
    ['has an empty header', file(''), /not valid JSON/],
    ['has bytes of no text', Buffer.from('0200000000000000fffe', 'hex'), /not valid/],
    [
      'names a tensor twice',
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a" :{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      /names a twice/,
    ],
    [
      'names a tensor twice, escaped',
      file(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
      /twice/,
    ],
    ['has tensors that overlap', file({ a: tensor([2], 0, 8), b: tensor([2], 4, 12) }, 12), /overlaps/],
    ['has a gap', file({ a: tensor([1], 0, 4), b: tensor([1], 8, 12) }, 12), /belong to none/],
    ['has a shape that needs more', file({ a: tensor([3], 0, 8) }, 8), /needs 12 bytes/],
    ['has data cut off', file({ a: tensor([2], 0, 8) }, 7), /truncated/],
    ['has data left over', file({ a: tensor([2], 0, 8) }, 9), /too many/],
    ['has an unknown type', file({ a: tensor([2], 0, 8, 'F31') }, 8), /type F31/],
    ['has a negative size', file({ a: tensor([-1, -2], 0, 8) }, 8), /no shape/],
    ['has offsets in reverse', file({ a: tensor([0], 8, 4) }, 8), /offsets span/],
    ['has a shape of 33 sizes', file({ a: tensor(Array(33).fill(1), 0, 4) }, 4), /33 dimensions: at most 32/],
    ['has brackets in brackets', file(`{"a":${'['.repeat(1e6)}`), /nests deeper than 3/],
    ['has objects in objects', file(`{"a":${'{"a":'.repeat(1e6)}`), /nests deeper than 3/],
    ['has two million values', file(`{"a":[${'{},'.repeat(2e6)}{}]}`), /more than 1048576 values/],
    ['has a name without end', file(`{"${'a'.repeat(8e6)}":1}`), /a name of more than 1024 characters/],
    ['has a byte order mark', file('\ufeff{}'), /not valid JSON \(line 1, column 1: expected a value/],
    ['has metadata that is no text', file({ __metadata__: { a: 1 } }), /not a string/],
  ])('is refused when it %s', (_, bytes, message) => {
    const decode = () => decodeSafetensors(bytes, 'x.safetensors');
    expect(decode).toThrow(SafetensorsError);
    expect(decode).toThrow(message);
  });

  test('that was mutated is read or refused, without other errors', () => {
    const good = Buffer.concat(
      encodeSafetensors({
        metadata: new Map([['k', 'v']]),
        tensors: new Map([
          ['a', { shape: [2], data: Float32Array.of(1, 2) }],
          ['b', { shape: [1], data: Float32Array.of(3) }],
        ]),
      }),
    );
    const mutation = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (edits, cut) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of edits) bytes[at] = value;
        try {
          decodeSafetensors(cut % 3 === 0 ? bytes.subarray(0, cut) : bytes, 'mutated');
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
