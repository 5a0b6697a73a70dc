import { permutation, streamOf } from '../tensor/random.ts';
import { classCounts, imagesByClass } from './classes.ts';
import type { Labels } from './dataset.ts';

/**
 * Handling of imbalanced classes. `weights`: the loss of an image is weighted inversely to the size of its class.
 * `sample`: an epoch has the same number of images of each class; images of small classes are repeated.
 */
export const BALANCES = ['none', 'weights', 'sample'] as const;
export type Balance = (typeof BALANCES)[number];

/**
 * The loss weight of each class, [classes]: n / (K·n_k) for n images of K non-empty classes, so the mean over all
 * images is 1. As scikit-learn's `balanced`
 * (https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html).
 */
export function classWeights(labels: Labels, classes: number): Float32Array {
  const counts = classCounts(labels, classes);
  const present = counts.filter((count) => count > 0).length;
  return Float32Array.from(counts, (count) => (count === 0 ? 0 : labels.length / (present * count)));
}

/**
 * The image order of a class-balanced epoch, with as many images as the set. Classes alternate, so their counts
 * differ by at most one. The images of a class are reshuffled whenever all of them have been used.
 */
export function balancedOrder(
  labels: Labels,
  { seed, epoch }: { readonly seed: number; readonly epoch: number },
): Uint32Array {
  const members = imagesByClass(labels);
  const classes = [...members].map(([label, images]) => {
    const rounds = Math.ceil(labels.length / members.size / images.length);
    return Array.from({ length: rounds }, (_, round) =>
      [...permutation(seed, streamOf(`balance.${epoch}.${label}.${round}`), images.length)].map(
        (at) => images[at]!,
      ),
    ).flat();
  });
  const drawn = Array.from(labels, (_, i) => classes[i % classes.length]![Math.floor(i / classes.length)]!);
  const places = permutation(seed, streamOf(`shuffle.${epoch}`), drawn.length);
  return Uint32Array.from(places, (place) => drawn[place]!);
}
