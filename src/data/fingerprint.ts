import { type Dataset, setsOf, type TrainTest } from './dataset.ts';
import { imageReader } from './pixels.ts';

/** An incremental hash of bytes, such as SHA-256. */
export interface Hash {
  update(bytes: Uint8Array): unknown;
}

/** Adds the sizes, labels and pixels of all sets to a hash. */
export function hashData(hash: Hash, data: TrainTest): void {
  for (const set of setsOf(data)) hashDataset(hash, set);
}

/** The same for one set. */
export function hashDataset(hash: Hash, set: Dataset): void {
  const { count, height, width, channels, labels, pixels } = set;
  hash.update(new TextEncoder().encode(`${count} ${height} ${width} ${channels}\n`));
  hash.update(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  if (pixels instanceof Uint8Array) {
    hash.update(pixels);
    return;
  }
  const read = imageReader(set);
  for (let i = 0; i < count; i++) hash.update(read(i));
}
