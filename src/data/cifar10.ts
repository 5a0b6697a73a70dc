import { DataError, type Dataset, type NamedFiles, type TrainTest } from './dataset.ts';

/** Class names of CIFAR-10 (Krizhevsky 2009), in the order of the labels (batches.meta.txt). */
export const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

const [SIDE, CHANNELS] = [32, 3];
const PLANE = SIDE * SIDE;
const RECORD = 1 + CHANNELS * PLANE;

const TRAIN_FILES = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);
/** One of the six files of the binary version. */
export const CIFAR10_TEST_FILE = 'test_batch.bin';

/**
 * CIFAR-10 from the six files of its binary version (https://www.cs.toronto.edu/~kriz/cifar.html). @throws
 * DataError
 */
export function readCifar10(files: NamedFiles): TrainTest {
  return { train: decode(files, TRAIN_FILES), test: decode(files, [CIFAR10_TEST_FILE]) };
}

/** Records of a label and three color planes → images [height, width, channels]. */
function decode(files: NamedFiles, names: readonly string[]): Dataset {
  const parts = names.map(files);
  for (const { source, bytes } of parts) {
    if (bytes.length > 0 && bytes.length % RECORD === 0) continue;
    throw new DataError(`${source}: ${bytes.length} bytes are not records of ${RECORD}: truncated?`);
  }
  const count = parts.reduce((sum, { bytes }) => sum + bytes.length / RECORD, 0);
  const labels = new Uint8Array(count);
  const pixels = new Uint8Array(count * CHANNELS * PLANE);
  let image = 0;
  for (const { source, bytes } of parts) {
    for (let at = 0; at < bytes.length; at += RECORD, image++) {
      const label = bytes[at]!;
      if (label >= CIFAR10_CLASSES.length) {
        throw new DataError(`${source}: label ${label} of image ${at / RECORD} is beyond the 10 classes`);
      }
      labels[image] = label;
      const to = image * CHANNELS * PLANE;
      for (let c = 0; c < CHANNELS; c++) {
        const plane = at + 1 + c * PLANE;
        for (let p = 0; p < PLANE; p++) pixels[to + p * CHANNELS + c] = bytes[plane + p]!;
      }
    }
  }
  const size = { height: SIDE, width: SIDE, channels: CHANNELS };
  return { name: 'cifar10', count, ...size, pixels, labels, classNames: CIFAR10_CLASSES };
}
