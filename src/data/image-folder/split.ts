import { randomBits, streamOf } from '../../tensor/random.ts';
import type { ClassFolder } from './classes.ts';

/** A file and its class. */
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
 * Splits a fraction of each class into a test set. Files are sorted by a random number that depends on the seed
 * and the path, so adding a file moves at most one other file between the sets. A class with one image has no test
 * images.
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

/** Shuffles files, so that the first images of a set are of all classes. */
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
  // With POSIX separators, so that the split is the same on every system.
  const rank = (file: string) =>
    randomBits(seed, streamOf(`folder.${purpose}`), streamOf(file.replaceAll('\\', '/')));
  const ranks = new Map(files.map((file) => [file, rank(file)]));
  return [...files].sort((a, b) => ranks.get(a)! - ranks.get(b)! || (a < b ? -1 : 1));
}
