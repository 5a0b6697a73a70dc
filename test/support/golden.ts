import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, type SafetensorsContent } from '../../src/io/safetensors.ts';

/** A file or folder of test/golden/data; test/golden/generators has the scripts that write them. */
export function goldenPath(name: string): string {
  return fileURLToPath(new URL(`../golden/data/${name}`, import.meta.url));
}

/** Results from PyTorch or Pillow, in a safetensors file. @param name without the extension */
export function golden(name: string): SafetensorsContent {
  return decodeSafetensors(readFileSync(goldenPath(`${name}.safetensors`)), name);
}

/** A tensor of the file as float64. */
export function tensorOf(content: SafetensorsContent, name: string): Float64Array {
  const { data } = content.tensors.get(name)!;
  return data instanceof Float32Array ? new Float64Array(data) : Float64Array.from(data, Number);
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
