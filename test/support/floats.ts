import { createHash } from 'node:crypto';
import type { NumberSource } from '../../src/engine/engine.ts';

/** The images of a batch as float32. */
export function floats(images: NumberSource): Float32Array {
  const all = new Float32Array(images.length);
  images.copyTo(all, 0);
  return all;
}

/** A hash of the bits, because comparing a network element by element takes seconds. */
export function bitsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}

/** The hash of each tensor. */
export function bitsOfAll(state: ReadonlyMap<string, ArrayBufferView>): ReadonlyMap<string, string> {
  return new Map([...state].map(([name, numbers]) => [name, bitsOf(numbers)]));
}
