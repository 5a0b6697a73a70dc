import { DataError } from '../dataset.ts';
import type { ImageFiles } from './classes.ts';

/** What the folders of images for one purpose are called, in any case. */
const NAMES = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation', 'dev'],
  test: ['test', 'testing'],
} as const;
type Purpose = keyof typeof NAMES;

/** The folders that hold training and test images and, where there are three, those that choose the best epoch. */
export interface OwnHalves {
  readonly train: string;
  readonly validation?: string;
  readonly test: string;
}

/**
 * Undefined where a folder has no such folders: its folders are classes then.
 * @throws DataError where folders look like halves and it is not clear which is which.
 */
export function ownHalves(images: ImageFiles): OwnHalves | undefined {
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
    // Beside training images alone, those of validation are the test.
    return validation === undefined || validation === test ? { train, test } : { train, validation, test };
  }
  const halves = Object.values(found).flat();
  if (isPair || (halves.length > 0 && halves.length === folders.length)) {
    throw new DataError(
      `${images.root} holds ${halves.join(', ')}: expected a folder for each class, or train and val (or test) with such folders in them`,
    );
  }
  return undefined;
}
