import { closest } from '../tensor/suggest.ts';
import { CIFAR10_CLASSES } from './cifar10.ts';

/** The data sets that `openDataset` knows. */
export const DATASET_NAMES = ['fashion-mnist', 'sample', 'idx:DIR', 'folder:DIR', 'cifar10'] as const;

export function isDatasetName(name: string): boolean {
  return ['fashion-mnist', 'sample', 'cifar10'].includes(name) || /^(idx|folder):./.test(name);
}

/** The data set with the most similar name, for suggestions. */
export function similarDataset(name: string): string | undefined {
  return closest(name, ['fashion-mnist', 'sample', 'cifar10']);
}

/** The error message for an unknown name. If it is similar to no data set, it is probably a folder of images. */
export function unknownDataset(name: string): string {
  const meant = similarDataset(name) ?? (/^\w*:$|^$/.test(name) ? undefined : `folder:${name}`);
  return `expected ${DATASET_NAMES.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
}

/** The folder in a name `folder:DIR`; undefined for other names. */
export function imageFolderOf(name: string): string | undefined {
  return name.startsWith('folder:') ? name.slice('folder:'.length) : undefined;
}

/** The data set name of a run whose images were passed by a program, so no command can reopen them. */
export const PROGRAM_DATA = 'images of a program';

/** The fraction of each class that is used for testing by default. */
export const DEFAULT_TEST_SHARE = 0.2;

/** Class names of Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), in the order of the labels. */
export const FASHION_CLASSES = [
  't-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

/** Class names that are known without opening the data set. */
export function knownClassNames(name: string): readonly string[] | undefined {
  if (name === 'cifar10') return CIFAR10_CLASSES;
  return name === 'fashion-mnist' || name === 'sample' ? FASHION_CLASSES : undefined;
}
