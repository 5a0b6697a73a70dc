import { describe, expect, test } from 'vitest';
import { balancedOrder, classWeights } from '../../src/data/balance.ts';
import { classCounts } from '../../src/data/classes.ts';
import { Loader } from '../../src/data/loader.ts';

/** Ten of class 0, three of class 2, one of class 3; none of class 1. */
const labels = Uint8Array.from([0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 3, 2]);
const classes = 4;

describe('imbalanced classes', () => {
  test('have the same total weight, and images have a mean weight of 1', () => {
    const weights = classWeights(labels, classes);
    const counts = classCounts(labels, classes);
    expect([...counts]).toEqual([10, 0, 3, 1]);
    // scikit-learn's compute_class_weight('balanced'): n / (classes · count), for the three non-empty classes.
    expect([...weights]).toEqual([14 / 30, 0, 14 / 9, 14 / 3].map(Math.fround));
    const mean = labels.reduce((sum, label) => sum + weights[label]!, 0) / labels.length;
    expect(mean).toBeCloseTo(1, 6);
  });

  test('are sampled equally often, each image of a class in turn', () => {
    const order = balancedOrder(labels, { seed: 3, epoch: 0 });
    expect(order).toHaveLength(labels.length);
    const drawn = classCounts(
      Uint8Array.from(order, (image) => labels[image]!),
      classes,
    );
    expect([...drawn].sort((a, b) => a - b)).toEqual([0, 4, 5, 5]);
    const ofClass2 = [...order].filter((image) => labels[image] === 2);
    expect(new Set(ofClass2).size).toBe(3); // Each of the three before any is repeated.
    const ofClass0 = [...order].filter((image) => labels[image] === 0);
    expect(new Set(ofClass0).size).toBe(ofClass0.length);
  });

  test('have a different order in each epoch, determined by the seed', () => {
    const order = (seed: number, epoch: number) => [...balancedOrder(labels, { seed, epoch })].join();
    expect(order(3, 0)).toBe(order(3, 0));
    expect(order(3, 1)).not.toBe(order(3, 0));
    expect(order(4, 0)).not.toBe(order(3, 0));
  });

  test('give a batch the weights of its images', () => {
    const dataset = {
      ...{ name: 'unequal', count: 14, height: 1, width: 1, channels: 1 },
      pixels: Uint8Array.from({ length: 14 }, (_, i) => i),
      labels,
      classNames: ['a', 'b', 'c', 'd'],
    };
    const loader = new Loader(dataset, { size: [1, 1], batch: 4, balance: 'weights' });
    const weights = classWeights(labels, classes);
    const { labels: batchLabels, imageWeights } = loader.batch(loader.order({ seed: 1, epoch: 0 }), 3);
    expect(imageWeights).toHaveLength(2);
    expect([...imageWeights!]).toEqual([...batchLabels].map((label) => weights[label]));
    const plain = new Loader(dataset, { size: [1, 1], batch: 4 });
    expect(plain.batch(plain.order(), 0).imageWeights).toBeUndefined();
  });
});
