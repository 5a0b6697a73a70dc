import { describe, expect, test } from 'vitest';
import { Scorecard, softmax } from '../../src/train/scorecard.ts';

/** Logits of `classes` with a given probability of one class. */
function logitsFor(
  predicted: readonly number[],
  classes: number,
  certainty: readonly number[],
): Float32Array {
  const logits = new Float32Array(predicted.length * classes);
  predicted.forEach((label, i) => {
    logits[i * classes + label] = certainty[i]!;
  });
  return logits;
}

describe('a scorecard', () => {
  const labels = [0, 0, 0, 1, 1, 2];
  const predicted = [0, 0, 1, 1, 0, 1];
  const scores = new Scorecard(['a', 'b', 'c', 'd'], 2);
  scores.add(0, labels.slice(0, 4), logitsFor(predicted.slice(0, 4), 4, [1, 2, 3, 4]));
  scores.add(4, labels.slice(4), logitsFor(predicted.slice(4), 4, [5, 2]));

  test('counts predictions per true class', () => {
    expect([...scores.confusion]).toEqual([2, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(scores.accuracy).toBe(0.5);
    expect(scores.topFiveAccuracy).toBe(1);
  });

  test('gives precision, recall and F1 of each class, 0 without images', () => {
    expect(scores.classes).toEqual([
      { name: 'a', precision: 2 / 3, recall: 2 / 3, f1: 2 / 3, support: 3 },
      { name: 'b', precision: 1 / 3, recall: 1 / 2, f1: 2 / 5, support: 2 },
      { name: 'c', precision: 0, recall: 0, f1: 0, support: 1 },
      { name: 'd', precision: 0, recall: 0, f1: 0, support: 0 },
    ]);
  });

  test('keeps the most confident errors, the worst first', () => {
    const confidence = (logit: number) => Math.exp(logit) / (Math.exp(logit) + 3);
    expect(scores.mistakes.map(({ index, label, predicted: said }) => [index, label, said])).toEqual([
      [4, 1, 0],
      [2, 0, 1],
    ]);
    expect(scores.mistakes[0]!.confidence).toBeCloseTo(confidence(5), 12);
    expect(scores.mistakes[0]!.truth).toBeCloseTo((1 - confidence(5)) / 3, 12);
  });

  test('counts the true class among the five most probable', () => {
    const many = new Scorecard(['0', '1', '2', '3', '4', '5', '6'], 1);
    const row = Float32Array.from([7, 6, 5, 4, 3, 2, 1]);
    for (let label = 0; label < 7; label++) many.add(label, [label], row);
    expect(many.topFiveAccuracy).toBe(5 / 7);
    expect(many.accuracy).toBe(1 / 7);
  });
});

test('softmax of logits that are large is finite and sums to 1', () => {
  const probabilities = softmax(Float32Array.from([1000, 999, -1000]));
  expect([...probabilities]).toEqual([
    expect.closeTo(Math.E / (Math.E + 1), 12),
    expect.closeTo(1 / (Math.E + 1), 12),
    0,
  ]);
});
