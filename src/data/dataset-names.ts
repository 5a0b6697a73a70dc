/** The data sets that `openDataset` knows. */
export const DATASET_NAMES = ['fashion-mnist', 'sample', 'idx:DIR', 'folder:DIR', 'cifar10'] as const;

export function isDatasetName(name: string): boolean {
  return ['fashion-mnist', 'sample', 'cifar10'].includes(name) || /^(idx|folder):./.test(name);
}

/** The folder of a data set of image files. */
export function imageFolderOf(name: string): string | undefined {
  return name.startsWith('folder:') ? name.slice('folder:'.length) : undefined;
}

/** The share of each class that is put aside for testing by default. */
export const DEFAULT_TEST_SHARE = 0.2;
