import { decodeBase64, encodeBase64 } from '../tensor/base64.ts';

export { decodeBase64 };

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** float32 as base64 of its little-endian bytes. */
export function encodeColumn(numbers: Float32Array): string {
  if (IS_LITTLE_ENDIAN)
    return encodeBase64(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  for (let i = 0; i < numbers.length; i++) view.setFloat32(4 * i, numbers[i]!, true);
  return encodeBase64(new Uint8Array(view.buffer));
}

/** @throws RangeError unless the text is base64 of `count` numbers. */
export function decodeColumn(text: string, count: number): Float32Array {
  const bytes = decodeBase64(text);
  if (bytes.length !== 4 * count)
    throw new RangeError(`a column has ${bytes.length} bytes: expected ${4 * count}`);
  if (IS_LITTLE_ENDIAN) return new Float32Array(bytes.buffer);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
}
