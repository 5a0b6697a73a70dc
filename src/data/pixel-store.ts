import type { Dataset } from './dataset.ts';

/** Takes images one after the other, and holds them in memory or in a file. */
export interface PixelStore {
  append(image: Uint8Array): void;
  /** What was appended. */
  finish(): Dataset['pixels'];
}

/** @param bytes room for all images. */
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
