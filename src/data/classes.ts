import type { Labels } from './dataset.ts';

/** Images of each class. */
export function classCounts(labels: Labels, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** The positions of the images of each class that has any, classes in the order of their first images. */
export function imagesByClass(labels: Labels): ReadonlyMap<number, readonly number[]> {
  const members = new Map<number, number[]>();
  labels.forEach((label, image) => {
    const known = members.get(label);
    if (known) known.push(image);
    else members.set(label, [image]);
  });
  return members;
}
