import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DataError, type TrainTest } from './dataset.ts';
import { type DataProgress, openFashionMnist } from './fashion-mnist.ts';
import { hasIdxFiles, readIdxFolder } from './idx.ts';

/** What `--data` may say. */
export const DATASET_NAMES = ['fashion-mnist', 'sample', 'idx:DIR'] as const;

export function isDatasetName(name: string): boolean {
  return name === 'fashion-mnist' || name === 'sample' || /^idx:./.test(name);
}

/** Opens a data set by name. @throws DataError */
export async function openDataset(
  name: string,
  dataDir: string | undefined,
  progress: DataProgress,
): Promise<TrainTest> {
  if (name === 'fashion-mnist') return openFashionMnist(dataDir, progress);
  if (name === 'sample') return readIdxFolder(sampleFolder(), 'sample');
  if (name.startsWith('idx:')) {
    const folder = name.slice('idx:'.length);
    if (!existsSync(folder)) throw new DataError(`${folder} does not exist`);
    if (!hasIdxFiles(folder)) {
      throw new DataError(
        `${folder} lacks one of train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-… (or .gz)`,
      );
    }
    return readIdxFolder(folder, name);
  }
  throw new DataError(`unknown data set ${name}: expected ${DATASET_NAMES.join(', ')}`);
}

/** The first 1,000 training and 200 test images of Fashion-MNIST, beside the sources and in the package. */
function sampleFolder(): string {
  const places = ['../../sample', '../../../sample'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = places.find((path) => existsSync(path));
  if (!found) throw new DataError('the sample images are missing from this installation');
  return found;
}
