import type { Dataset } from './dataset.ts';

/** Collects images in memory or in a file. */
export interface PixelStore {
  append(image: Uint8Array): void;
  /** Returns the pixels of all appended images. */
  finish(): Dataset['pixels'];
}

/** A store in memory. @param bytes size of all images. */
export function memoryStore(bytes: number): PixelStore {
  const pixels = new Uint8Array(bytes);
  let at = 0;
  return {
    append(image) {
      pixels.set(image, at);
      at += image.length;
    },
    finish: () => pixels.subarray(0, at),
  };
}
