import { DataError } from '../data/dataset.ts';
import { counted } from '../tensor/counted.ts';
import { said } from './said.ts';

/** The sizes of a tensor of images. */
export interface ImageSizes {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * @param shape [images, height, width] or [images, height, width, channels]. @throws DataError unless it has
 * `length` elements.
 */
export function requireShape(shape: unknown, length: number): ImageSizes {
  const isShape =
    Array.isArray(shape) &&
    (shape.length === 3 || shape.length === 4) &&
    shape.every((axis) => Number.isInteger(axis) && axis > 0);
  const expected = 'expected [images, height, width] or [images, height, width, channels]';
  if (!isShape) throw new DataError(`the \`shape\` of the images is ${said(shape)}: ${expected}`);
  const [count, height, width, channels = 1] = shape as [number, number, number, number?];
  if (channels > 4 && height <= 4) {
    throw new DataError(
      `the \`shape\` of the images is ${shape.join('×')}, which has the channels before height and width: ${expected}`,
    );
  }
  if (count * height * width * channels !== length) {
    throw new DataError(
      `images of \`shape\` ${shape.join('×')} are ${counted(count * height * width * channels, 'number')}, there are ${counted(length, 'number')}`,
    );
  }
  return { count, height, width, channels };
}

/**
 * Converts images to bytes. Floats must all be from 0 to 1, and are multiplied by 255 and rounded, or all be
 * integers from 0 to 255.
 * @throws DataError for other values.
 */
export function bytesOf(numbers: Uint8Array | Uint8ClampedArray | Float32Array | Float64Array): Uint8Array {
  if (numbers instanceof Uint8Array) return numbers;
  if (numbers instanceof Uint8ClampedArray)
    return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const isUnit = numbers.every((value) => value >= 0 && value <= 1);
  const wrong = isUnit
    ? -1
    : numbers.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value <= 255));
  if (wrong >= 0) {
    throw new DataError(
      `number ${wrong} of the images is ${numbers[wrong]}: expected numbers from 0 to 1, or whole ones from 0 to 255, ` +
        'before any normalisation (`normalize` does that)',
    );
  }
  return Uint8Array.from(numbers, isUnit ? (value) => Math.round(255 * value) : (value) => value);
}
