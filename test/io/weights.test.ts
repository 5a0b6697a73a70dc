import { describe, expect, test } from 'vitest';
import { widenFloat16 } from '../../src/io/half.ts';
import { SafetensorsError } from '../../src/io/safetensors.ts';
import { WeightsError } from '../../src/io/weights.ts';
import { decodeWeights } from '../../src/node/weights-file.ts';
import { widenBfloat16 } from '../../src/tensor/bfloat16.ts';

/** A safetensors file of one tensor. */
function file(dtype: string, shape: number[], data: ArrayBufferView): Uint8Array {
  const header = JSON.stringify({ a: { dtype, shape, data_offsets: [0, data.byteLength] } });
  const length = Buffer.from(BigUint64Array.of(BigInt(header.length)).buffer);
  return Buffer.concat([length, Buffer.from(header), new Uint8Array(data.buffer)]);
}

describe('half floats', () => {
  test('of 16 bits become the numbers that IEEE 754 says', () => {
    const bits = Uint16Array.of(0, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0x7c00, 0xfc00);
    const numbers = [0, -0, 1, -2, 65504, 2 ** -24, 2 ** -14, 0.333251953125];
    expect(widenFloat16(bits)).toEqual(Float32Array.of(...numbers, Infinity, -Infinity));
    expect(widenFloat16(Uint16Array.of(0x7e00))[0]).toBeNaN();
  });

  test("of Google's kind are the upper halves of float32", () => {
    expect(widenBfloat16(Uint16Array.of(0x3f80, 0xc049, 0x7f80))).toEqual(
      Float32Array.of(1, -3.140625, Infinity),
    );
  });
});

describe('a safetensors file', () => {
  test.each<[string, ArrayBufferView, number[]]>([
    ['F16', Uint16Array.of(0x3c00, 0xc000), [1, -2]],
    ['BF16', Uint16Array.of(0x3f80, 0xc000), [1, -2]],
    ['F32', Float32Array.of(1, -2), [1, -2]],
    ['F64', Float64Array.of(1, -2), [1, -2]],
    ['I64', BigInt64Array.of(1n, -2n), [1, -2]],
    ['I32', Int32Array.of(1, -2), [1, -2]],
    ['U8', Uint8Array.of(1, 254), [1, 254]],
    ['BOOL', Uint8Array.of(1, 0), [1, 0]],
  ])('gives %s as float32', async (dtype, data, numbers) => {
    const { format, tensors } = await decodeWeights(file(dtype, [2], data), 'x');
    expect([format, tensors.get('a')!.read()]).toEqual(['safetensors', Float32Array.from(numbers)]);
  });

  test.each(['constructor', '__proto__', 'F8_E4M3'])('of type %s is refused', async (dtype) => {
    await expect(decodeWeights(file(dtype, [2], new Uint8Array(2)), 'x')).rejects.toThrow(SafetensorsError);
  });
});

describe('a file of another format', () => {
  test.each([
    ['\x89HDF\r\n\x1a\n', /HDF5/],
    ['\x80\x04\x95\x02\0\0\0\0\0\0\0}.', /a pickle of its own/],
    ['\x1f\x8b\x08', /gzip: unpack it first/],
    ['', /is empty; expected a file of weights: torch\.save, safetensors, ONNX/],
    ['BZh91AY&SY', /bzip2: unpack it first/],
    [`${'\0'.repeat(257)}ustar`, /a tar archive: unpack it first/],
    ['version https://git-lfs.github.com/spec/v1\noid', /Git LFS .*git lfs pull/],
    ['<!DOCTYPE html>', /a page of the web/],
    ['\x93NUMPY\x01\0v\0', /a NumPy array/],
    ['GGUF\x03\0\0\0', /a GGUF file/],
    ['\x1c\0\0\0TFL3\x14\0 \0', /a TensorFlow Lite model/],
    ['{"metadata": {}, "weight_map": {}}', /JSON; if it lists several files of weights, join them/],
    ['hello world, this is text', /of another format/],
  ])('%j is refused by what it is', async (content, message) => {
    const reading = decodeWeights(Buffer.from(content, 'latin1'), 'x');
    await expect(reading).rejects.toThrow(WeightsError);
    await expect(reading).rejects.toThrow(message);
  });
});
