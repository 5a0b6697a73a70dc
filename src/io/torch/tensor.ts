import { elementCount } from '../../tensor/shape.ts';
import { BYTES_OF, toFloat32 } from './dtype.ts';
import type { TorchTensor } from './pickle-value.ts';

/** The elements of a tensor in row-major order as float32, for any strides. */
export function readTensor({ dtype, shape, offset, strides, storage }: TorchTensor): Float32Array {
  const width = BYTES_OF[dtype];
  const count = elementCount(shape);
  if (count === 0) return new Float32Array(0);
  const bytes = storage.read();
  if (isContiguous(shape, strides)) {
    return toFloat32(dtype, bytes.subarray(offset * width, (offset + count) * width));
  }
  const gathered = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    gathered.set(bytes.subarray(from * width, (from + 1) * width), to * width);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return toFloat32(dtype, gathered);
}

/** Strides of axes with one element are ignored. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
