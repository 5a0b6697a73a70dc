import { createHash } from 'node:crypto';
import type { TrainTest } from './dataset.ts';

/** SHA-256 of a data set's sizes, labels and pixels, as hex: 55 MB of Fashion-MNIST take a tenth of a second. */
export function sha256Of({ train, test }: TrainTest): string {
  const hash = createHash('sha256');
  for (const { count, height, width, channels, labels, pixels } of [train, test]) {
    hash.update(`${count} ${height} ${width} ${channels}\n`).update(labels).update(pixels);
  }
  return hash.digest('hex');
}
