import type { Labels } from './dataset.ts';

/** Number of images of each class, [classes]. */
export function classCounts(labels: Labels, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** The indices of the images of each non-empty class; classes are in the order of their first images. */
export function imagesByClass(labels: Labels): ReadonlyMap<number, readonly number[]> {
  const members = new Map<number, number[]>();
  labels.forEach((label, image) => {
    const known = members.get(label);
    if (known) known.push(image);
    else members.set(label, [image]);
  });
  return members;
}
