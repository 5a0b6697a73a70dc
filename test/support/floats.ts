import type { BatchImages } from '../../src/data/dataset.ts';

/** A batch's images as the numbers an engine gets. */
export function floats(images: BatchImages): Float32Array {
  const all = new Float32Array(images.length);
  images.copyTo(all, 0);
  return all;
}
