import { randomBits, streamOf } from '../../tensor/random.ts';
import type { ClassFolder } from './classes.ts';

/** A file and the class it belongs to. */
export interface LabelledFile {
  readonly file: string;
  readonly label: number;
}

export interface Split {
  readonly train: readonly LabelledFile[];
  readonly validation?: readonly LabelledFile[];
  readonly test: readonly LabelledFile[];
}

/**
 * Puts a share of each class aside for testing. Files are ranked by a random number of seed and path, so a file that
 * is added later moves others across the border at most by one place. A class of one image has none to test.
 */
export function splitByClass(classes: readonly ClassFolder[], testShare: number, seed: number): Split {
  const [train, test]: [LabelledFile[], LabelledFile[]] = [[], []];
  classes.forEach(({ files }, label) => {
    const wanted = Math.round(files.length * testShare);
    const count = Math.min(Math.max(1, wanted), files.length - 1);
    const tested = new Set(byRank(files, seed, 'split').slice(0, count));
    for (const file of files) (tested.has(file) ? test : train).push({ file, label });
  });
  return { train, test };
}

/** Mixed, so that the first images of a set are of all its classes. */
export function shuffled(files: readonly LabelledFile[], seed: number): readonly LabelledFile[] {
  const order = byRank(
    files.map(({ file }) => file),
    seed,
    'order',
  );
  const places = new Map(order.map((file, place) => [file, place]));
  return [...files].sort((a, b) => places.get(a.file)! - places.get(b.file)!);
}

function byRank(files: readonly string[], seed: number, purpose: string): readonly string[] {
  // Separators as on POSIX, so that the split is the same on every system.
  const rank = (file: string) =>
    randomBits(seed, streamOf(`folder.${purpose}`), streamOf(file.replaceAll('\\', '/')));
  const ranks = new Map(files.map((file) => [file, rank(file)]));
  return [...files].sort((a, b) => ranks.get(a)! - ranks.get(b)! || (a < b ? -1 : 1));
}
