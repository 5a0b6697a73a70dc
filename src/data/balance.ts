import { permutation, streamOf } from '../tensor/random.ts';
import { classCounts, imagesByClass } from './classes.ts';
import type { Labels } from './dataset.ts';

/**
 * What is done where classes are unequal. `weights`: the loss of an image counts as much more as its class is smaller.
 * `sample`: an epoch has equally many images of each class, those of small classes several times.
 */
export const BALANCES = ['none', 'weights', 'sample'] as const;
export type Balance = (typeof BALANCES)[number];

/**
 * What the loss of an image of each class counts: n / (K·n_k) of n images of K classes that are there, so that its mean
 * over the images is 1 (scikit-learn's `balanced`; https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html).
 */
export function classWeights(labels: Labels, classes: number): Float32Array {
  const counts = classCounts(labels, classes);
  const present = counts.filter((count) => count > 0).length;
  return Float32Array.from(counts, (count) => (count === 0 ? 0 : labels.length / (present * count)));
}

/**
 * The order of an epoch that has as many images as the set, and equally many of each class (or one more): classes take
 * turns, each through its own images, mixed anew each time it has been through all of them.
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
