import { readFileSync } from 'node:fs';
import { decodeSafetensors, type SafetensorsContent } from '../../src/io/safetensors.ts';

/** A file of results from PyTorch (test/golden/make_reference.py). */
export function golden(name: string): SafetensorsContent {
  const path = new URL(`../golden/${name}.safetensors`, import.meta.url);
  return decodeSafetensors(readFileSync(path), name);
}

/** A tensor of the file as float64. */
export function tensorOf(content: SafetensorsContent, name: string): Float64Array {
  return Float64Array.from(content.tensors.get(name)!.data as ArrayLike<number | bigint>, Number);
}

/** Converts a tensor from NCHW to NHWC. */
export function channelsLast(content: SafetensorsContent, name: string): Float64Array {
  const [n, c, h, w] = content.tensors.get(name)!.shape as [number, number, number, number];
  const data = tensorOf(content, name);
  const out = new Float64Array(data.length);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < c; k++) {
      for (let p = 0; p < h * w; p++) out[(i * h * w + p) * c + k] = data[(i * c + k) * h * w + p]!;
    }
  }
  return out;
}
