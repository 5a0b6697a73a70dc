import { listed } from '../../tensor/listed.ts';
import { DataError } from '../dataset.ts';
import type { ImageFiles } from './classes.ts';

/** Folder names of the predefined splits, case-insensitive. */
const NAMES = {
  train: ['train', 'training'],
  validation: ['val', 'valid', 'validation', 'dev'],
  test: ['test', 'testing', 'eval', 'evaluation'],
} as const;
type Purpose = keyof typeof NAMES;

/** Words in the names of folders that are splits rather than classes: `seg_train`, `testset`, `fold-1`. */
const SPLIT_WORDS = /train|test|valid|(?<![a-z])val(?![a-z])|(?<![a-z])(dev|eval)|fold|split/i;

/** Most folders that an error names. */
const NAMED = 4;

/** The folders of a predefined split: training and test images and, if there are three, validation images. */
export interface OwnSplits {
  readonly train: string;
  readonly validation?: string;
  readonly test: string;
  /** Folders beside them, which are not read. */
  readonly unused: readonly string[];
}

/**
 * The predefined split of a folder of images; undefined if its folders are classes.
 * @throws DataError if the names are ambiguous.
 */
export function ownSplits(images: ImageFiles): OwnSplits | undefined {
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
    const unused = folders.filter((name) => ![train, validation, test].includes(name));
    // If there are only training and validation images, the validation images are the test set.
    const three = validation !== undefined && validation !== test;
    return { train, ...(three && { validation }), test, unused };
  }
  const splits = Object.values(found).flat();
  if (isPair || (splits.length > 0 && splits.length === folders.length)) {
    throw new DataError(
      `${images.root} holds ${splits.join(', ')}: expected a folder for each class, or train and val (or test) with such folders in them`,
    );
  }
  refuseUnclear(images, folders);
  return undefined;
}

/**
 * Folders named like splits, such as `train_set` and `test_set`, that hold the same folders are hardly classes.
 * @throws DataError
 */
function refuseUnclear(images: ImageFiles, folders: readonly string[]): void {
  const named = folders.filter((name) => SPLIT_WORDS.test(name));
  if (named.length < 2) return; // A train among vehicles is a class.
  const inside = named.map((name) => innermost(images, name));
  const shared = [...(inside[0] ?? [])].filter((name) => inside.every((names) => names?.has(name)));
  if (shared.length < 2) return;
  throw new DataError(
    `${images.root} holds ${listed(named, NAMED)}, and each of them holds ${listed(shared, NAMED)}: these look like splits, ` +
      'not classes; call them train and test (and val), with the folders of the classes directly in them',
  );
}

/** Names of the folders below a folder that directly hold files; undefined if the folder itself holds some. */
function innermost(images: ImageFiles, folder: string): ReadonlySet<string> | undefined {
  const within = images.below(folder).map((file) =>
    file
      .slice(folder.length + 1)
      .split('/')
      .at(-2),
  );
  return within.includes(undefined) ? undefined : new Set(within as string[]);
}
