import { createHash } from 'node:crypto';
import type { BatchImages } from '../../src/data/dataset.ts';

/** A batch's images as the numbers an engine gets. */
export function floats(images: BatchImages): Float32Array {
  const all = new Float32Array(images.length);
  images.copyTo(all, 0);
  return all;
}

/** A digest of the bits: to compare a network number by number takes seconds. */
export function bitsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}

/** The digest of each tensor. */
export function bitsOfAll(state: ReadonlyMap<string, ArrayBufferView>): ReadonlyMap<string, string> {
  return new Map([...state].map(([name, numbers]) => [name, bitsOf(numbers)]));
}
