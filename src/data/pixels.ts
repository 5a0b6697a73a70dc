import type { Dataset } from './dataset.ts';

/**
 * Returns a function that reads one image: a view of the data set's bytes, or a buffer that the next call
 * overwrites.
 */
export function imageReader(dataset: Pick<Dataset, 'pixels' | 'height' | 'width' | 'channels'>) {
  const { pixels, height, width, channels } = dataset;
  const bytes = height * width * channels;
  if (pixels instanceof Uint8Array) {
    return (index: number): Uint8Array => pixels.subarray(index * bytes, (index + 1) * bytes);
  }
  const buffer = new Uint8Array(bytes);
  return (index: number): Uint8Array => {
    pixels.read(index * bytes, buffer);
    return buffer;
  };
}
