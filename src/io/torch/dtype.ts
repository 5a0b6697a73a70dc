import { assertNever } from '../../tensor/assert-never.ts';
import { widenBfloat16 } from '../../tensor/bfloat16.ts';
import { widenFloat16 } from '../half.ts';

/** Element types in weight files, with PyTorch's names. */
export type Dtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool';

export const BYTES_OF: Readonly<Record<Dtype, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Converts little-endian elements to float32; exact, except for types with more precision, which are rounded. */
export function toFloat32(dtype: Dtype, bytes: Uint8Array): Float32Array {
  const { buffer } = new Uint8Array(bytes); // An aligned copy.
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return Float32Array.from(new Float64Array(buffer));
    case 'float16':
      return widenFloat16(new Uint16Array(buffer));
    case 'bfloat16':
      return widenBfloat16(new Uint16Array(buffer));
    case 'int64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return Float32Array.from(new Int32Array(buffer));
    case 'int16':
      return Float32Array.from(new Int16Array(buffer));
    case 'int8':
      return Float32Array.from(new Int8Array(buffer));
    case 'uint8':
    case 'bool':
      return Float32Array.from(new Uint8Array(buffer));
    default:
      return assertNever(dtype);
  }
}
