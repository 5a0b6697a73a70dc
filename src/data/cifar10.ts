import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError, type Dataset, type TrainTest } from './dataset.ts';
import { unpack } from './idx.ts';
import { readTar } from './tar.ts';

/** Krizhevsky 2009, in the order of the labels (batches.meta.txt). */
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
const TEST_FILE = 'test_batch.bin';
const ARCHIVE = 'cifar-10-binary.tar.gz';
/** Where the archive unpacks to. */
const UNPACKED = 'cifar-10-batches-bin';

/**
 * CIFAR-10's binary version (https://www.cs.toronto.edu/~kriz/cifar.html): from its six files in the folder, or in
 * cifar-10-batches-bin below it, or from the archive as it is published. @throws DataError
 */
export function openCifar10(folder: string | undefined): TrainTest {
  if (folder === undefined) {
    throw new DataError(
      `cifar10 is not downloaded: fetch https://www.cs.toronto.edu/~kriz/${ARCHIVE} and name its folder with \`dataDir\``,
    );
  }
  if (!existsSync(folder)) throw new DataError(`\`dataDir\` ${folder} does not exist`);
  const files = filesIn(folder);
  return { train: decode(files, TRAIN_FILES), test: decode(files, [TEST_FILE]) };
}

/** Reads one of the six files by its name. */
type Files = (name: string) => { readonly source: string; readonly bytes: Uint8Array };

function filesIn(folder: string): Files {
  const archive = join(folder, ARCHIVE);
  const at = [folder, join(folder, UNPACKED)].find((place) => existsSync(join(place, TEST_FILE)));
  if (at !== undefined) {
    return (name) => {
      const source = join(at, name);
      if (!existsSync(source)) throw new DataError(`${source} does not exist`);
      return { source, bytes: readFileSync(source) };
    };
  }
  if (!existsSync(archive)) {
    throw new DataError(`${folder} holds neither ${TEST_FILE} and data_batch_1.bin to 5, nor ${ARCHIVE}`);
  }
  const entries = [...readTar(unpack(readFileSync(archive), archive), archive)];
  return (name) => {
    const entry = entries.find(([path]) => basename(path) === name);
    if (!entry) throw new DataError(`${archive} lacks ${name}`);
    return { source: `${archive}: ${name}`, bytes: entry[1] };
  };
}

/** Records of a label and three planes → images with their channels last. */
function decode(files: Files, names: readonly string[]): Dataset {
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
