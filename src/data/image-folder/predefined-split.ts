import { DataError } from '../dataset.ts';
import type { ImageFiles } from './classes.ts';

/** Folder names of the predefined splits, case-insensitive. */
const NAMES = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation', 'dev'],
  test: ['test', 'testing'],
} as const;
type Purpose = keyof typeof NAMES;

/** The folders of a predefined split: training and test images and, if there are three, validation images. */
export interface PredefinedSplit {
  readonly train: string;
  readonly validation?: string;
  readonly test: string;
}

/**
 * The predefined split of a folder of images; undefined if its folders are classes.
 * @throws DataError if the names are ambiguous.
 */
export function predefinedSplit(images: ImageFiles): PredefinedSplit | undefined {
  const folders = images.folders('');
  const of = (purpose: Purpose) => {
    const known: readonly string[] = NAMES[purpose];
    return folders.filter((name) => known.includes(name.toLowerCase()));
  };
  const found = { train: of('train'), validation: of('validation'), test: of('test') };
  const [train, ...others] = found.train;
  const [validation, test = validation] = [found.validation[0], found.test[0]];
  const isPair = train !== undefined && test !== undefined;
  const isClear = others.length === 0 && found.validation.length <= 1 && found.test.length <= 1;
  if (isPair && isClear) {
    // If there are only training and validation images, the validation images are the test set.
    return validation === undefined || validation === test ? { train, test } : { train, validation, test };
  }
  const names = Object.values(found).flat();
  if (isPair || (names.length > 0 && names.length === folders.length)) {
    throw new DataError(
      `${images.root} holds ${names.join(', ')}: expected a folder for each class, or train and val (or test) with such folders in them`,
    );
  }
  return undefined;
}
