import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CIFAR10_TEST_FILE, readCifar10 } from '../../data/cifar10.ts';
import { DataError, type NamedFiles, type TrainTest } from '../../data/dataset.ts';
import { readTar } from '../../data/tar.ts';
import { unpack } from '../gzip.ts';

const ARCHIVE = 'cifar-10-binary.tar.gz';
/** The folder in the archive. */
const UNPACKED = 'cifar-10-batches-bin';

/**
 * Opens the binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): its six files in the folder
 * or in cifar-10-batches-bin below it, or the published archive. @throws DataError
 */
export function openCifar10(folder: string | undefined): TrainTest {
  if (folder === undefined) {
    throw new DataError(
      `cifar10 is not downloaded: fetch https://www.cs.toronto.edu/~kriz/${ARCHIVE} and name its folder with \`dataDir\``,
    );
  }
  if (!existsSync(folder)) throw new DataError(`\`dataDir\` ${folder} does not exist`);
  return readCifar10(filesIn(folder));
}

function filesIn(folder: string): NamedFiles {
  const archive = join(folder, ARCHIVE);
  const at = [folder, join(folder, UNPACKED)].find((place) => existsSync(join(place, CIFAR10_TEST_FILE)));
  if (at !== undefined) {
    return (name) => {
      const source = join(at, name);
      if (!existsSync(source)) throw new DataError(`${source} does not exist`);
      return { source, bytes: readFileSync(source) };
    };
  }
  if (!existsSync(archive)) {
    throw new DataError(
      `${folder} holds neither ${CIFAR10_TEST_FILE} and data_batch_1.bin to 5, nor ${ARCHIVE}`,
    );
  }
  const entries = [...readTar(unpack(readFileSync(archive), archive), archive)];
  return (name) => {
    const entry = entries.find(([path]) => basename(path) === name);
    if (!entry) throw new DataError(`${archive} lacks ${name}`);
    return { source: `${archive}: ${name}`, bytes: entry[1] };
  };
}
