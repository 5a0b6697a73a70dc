import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

function header(words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * words.length);
  words.forEach((word, i) => {
    bytes.writeUInt32BE(word, 4 * i);
  });
  return bytes;
}

/** `count` images of height × width; pixel k is k mod 256. */
export function idxImages(count: number, height = 4, width = 5): Buffer {
  const pixels = Buffer.from(Array.from({ length: count * height * width }, (_, i) => i % 256));
  return Buffer.concat([header([0x803, count, height, width]), pixels]);
}

export function idxLabels(labels: readonly number[]): Buffer {
  return Buffer.concat([header([0x801, labels.length]), Buffer.from(labels)]);
}

/** A small data set of three classes: 6 training and 3 test images; `changed` replaces files. */
export function writeIdxFolder(folder: string, changed: Readonly<Record<string, Buffer>> = {}): void {
  mkdirSync(folder, { recursive: true });
  const files = {
    'train-images-idx3-ubyte': idxImages(6),
    'train-labels-idx1-ubyte': idxLabels([0, 1, 2, 0, 1, 2]),
    't10k-images-idx3-ubyte': idxImages(3),
    't10k-labels-idx1-ubyte': idxLabels([2, 1, 0]),
    ...changed,
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
}
