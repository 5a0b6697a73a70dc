import { DataError, type Labels } from '../data/dataset.ts';
import { counted } from '../tensor/counted.ts';
import { said } from './said.ts';

/** The class of an image: its index from 0, or its name. */
export type Label = number | string;

/** Labels are stored in at most 16 bits. */
const MOST_CLASSES = 65_536;

/**
 * The class names: those given, otherwise the labels in alphabetical order or, for numeric labels, the numbers.
 * @param least minimum number of classes for numeric labels: that of the network. @throws DataError
 */
export function classNamesFor(
  labels: readonly Label[],
  given: readonly string[] | undefined,
  least = 2,
): readonly string[] {
  if (given !== undefined) {
    const isNames = Array.isArray(given) && given.every((name) => typeof name === 'string');
    if (!isNames || new Set(given).size !== given.length || given.length < 2) {
      throw new DataError(`\`classNames\` is ${said(given)}: expected two different names or more`);
    }
    return given;
  }
  if (labels.length > 0 && labels.every((label) => typeof label === 'string')) {
    const names = [...new Set(labels)].sort();
    if (names.length < 2)
      throw new DataError(`all images are of class ${names[0]}: expected two classes or more`);
    return names;
  }
  let most = least;
  for (const label of labels) {
    if (typeof label === 'number' && label >= most) most = label + 1;
  }
  return Array.from({ length: Math.min(most, MOST_CLASSES) }, (_, label) => `${label}`);
}

/** Converts labels to class indices. @throws DataError for an unknown label. */
export function labelsOf(labels: readonly Label[], classNames: readonly string[]): Labels {
  const indices = new Map(classNames.map((name, index) => [name, index]));
  const numbers = classNames.length <= 256 ? new Uint8Array(labels.length) : new Uint16Array(labels.length);
  labels.forEach((label, i) => {
    const index = typeof label === 'string' ? indices.get(label) : label;
    if (index === undefined || !Number.isInteger(index) || index < 0 || index >= classNames.length) {
      const classes = counted(classNames.length, 'class', 'classes');
      throw new DataError(
        `the label of image ${i} is ${said(label)}: expected ${typeof label === 'string' ? `one of ${classNames.slice(0, 10).join(', ')}` : `a whole number below ${classes}, or a name`}`,
      );
    }
    numbers[i] = index;
  });
  return numbers;
}
