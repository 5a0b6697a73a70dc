import { counted } from '../tensor/counted.ts';
import { permutation, streamOf } from '../tensor/random.ts';
import { imagesByClass } from './classes.ts';
import { DataError, type Dataset, type PixelFile } from './dataset.ts';
import { imageReader } from './pixels.ts';

/** A training set, and the validation set that was split from it. */
export interface ValidationSplit {
  readonly train: Dataset;
  readonly validation: Dataset;
}

/**
 * Takes a part of the images of each class for validation, chosen by the seed; both parts keep the order of the set.
 * @param limit only of the first images: the others are in neither part.
 * @throws DataError when a part would be empty.
 */
export function splitValidation(
  dataset: Dataset,
  fraction: number,
  { seed, limit = dataset.count }: { readonly seed: number; readonly limit?: number | undefined },
): ValidationSplit {
  const count = Math.min(limit, dataset.count);
  const taken = new Set<number>();
  for (const [label, members] of imagesByClass(dataset.labels.subarray(0, count))) {
    const order = permutation(seed, streamOf(`validate.${label}`), members.length);
    for (const i of order.subarray(0, validationImages(members.length, fraction))) taken.add(members[i]!);
  }
  const indices = Array.from({ length: count }, (_, i) => i);
  const [kept, out] = [indices.filter((i) => !taken.has(i)), indices.filter((i) => taken.has(i))];
  if (kept.length === 0 || out.length === 0) {
    throw new DataError(
      `${dataset.name}: ${fraction} of each class of ${counted(count, 'image')} leaves ${kept.length} to train on and takes ` +
        `${out.length} for validation: use another \`validate\`, or more images`,
    );
  }
  return { train: subset(dataset, kept), validation: subset(dataset, out) };
}

/** Number of validation images of a class with `images` images. */
export function validationImages(images: number, fraction: number): number {
  return Math.round(fraction * images);
}

/** The images of a data set at these indices, in this order; pixels are not copied. */
export function subset(dataset: Dataset, indices: readonly number[]): Dataset {
  const bytes = dataset.height * dataset.width * dataset.channels;
  const image = imageReader(dataset);
  // Pixels are not copied: reads of image i are redirected to image indices[i].
  const pixels: PixelFile = { read: (at, to) => to.set(image(indices[at / bytes]!)) };
  // Not `slice`: labels from a file are a Buffer, whose `slice` shares memory.
  const labels =
    dataset.labels instanceof Uint16Array ? new Uint16Array(indices.length) : new Uint8Array(indices.length);
  indices.forEach((index, i) => {
    labels[i] = dataset.labels[index]!;
  });
  const files = dataset.files && { files: indices.map((index) => dataset.files![index]!) };
  return { ...dataset, count: indices.length, pixels, labels, ...files };
}
