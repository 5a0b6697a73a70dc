import { counted } from '../tensor/counted.ts';
import { DataError, type Dataset, type TrainTest } from './dataset.ts';
import { splitByClass } from './image-folder/split.ts';
import { subset } from './validation-split.ts';

/**
 * Splits a fraction of each class into a test set, as for an image folder: chosen by the seed and the index of the
 * image, at least one image of each class that has two. Both sets keep the order of images.
 * @throws DataError if no class has two images.
 */
export function splitDataset(dataset: Dataset, testShare: number, seed: number): TrainTest {
  const files: string[][] = dataset.classNames.map(() => []);
  for (let i = 0; i < dataset.count; i++) files[dataset.labels[i]!]!.push(`${i}`);
  const classes = dataset.classNames.map((name, label) => ({ name, folder: name, files: files[label]! }));
  const { test } = splitByClass(
    classes.filter(({ files: { length } }) => length > 0),
    testShare,
    seed,
  );
  if (test.length === 0) {
    throw new DataError(
      `none of the ${counted(dataset.count, 'image')} can be put aside for testing, as no class has two: give more images, or \`test\``,
    );
  }
  const tested = new Set(test.map(({ file }) => Number(file)));
  const all = Array.from({ length: dataset.count }, (_, i) => i);
  return {
    train: subset(
      dataset,
      all.filter((i) => !tested.has(i)),
    ),
    test: subset(
      dataset,
      all.filter((i) => tested.has(i)),
    ),
  };
}
