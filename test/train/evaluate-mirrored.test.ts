import { afterAll, beforeAll, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { mirrored } from '../../src/data/mirrored.ts';
import type { Engine, Session } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { conv2d, flatten, globalAvgPool, linear, maxPool, relu, sequential } from '../../src/model/module.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import { evaluateMirrored } from '../../src/train/evaluate-mirrored.ts';
import { accuracy, meanLoss } from '../../src/train/metrics.ts';
import { programsFor } from '../../src/train/programs.ts';
import { softmax } from '../../src/train/scorecard.ts';
import { numbers } from '../support/module-run.ts';

const [SIDE, COUNT, CLASSES] = [6, 7, 3];
const size = [SIDE, SIDE] as const;
const random = numbers(9);
const images: Dataset = {
  name: 'noise',
  count: COUNT,
  height: SIDE,
  width: SIDE,
  channels: 1,
  pixels: Uint8Array.from({ length: COUNT * SIDE * SIDE }, () => 256 * random()),
  labels: Uint8Array.from({ length: COUNT }, (_, i) => i % CLASSES),
  classNames: ['a', 'b', 'c'],
};
// A 1×3 kernel distinguishes left from right.
const body = sequential([conv2d(4, [1, 3]), relu(), maxPool(2), globalAvgPool(), flatten(), linear(CLASSES)]);
const model = { name: 'small', channels: 1, classes: CLASSES, root: body };

let engine: Engine;
let session: Session;
beforeAll(async () => {
  engine = createReferenceEngine();
  const { network } = compile(model, size, programsFor('evaluate', { count: COUNT, batch: 3 }));
  session = await engine.open(network);
  for (const [name, { shape }] of network.state) {
    session.write(
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * random() - 2),
    );
  }
});
afterAll(() => engine.close());

/** Probabilities [COUNT, CLASSES]. */
async function said(by: typeof evaluate, of: Dataset) {
  const all: number[][] = [];
  const onBatch = (first: number, labels: ArrayLike<number>, logits: Float32Array | Float64Array) => {
    for (let i = 0; i < labels.length; i++) {
      all[first + i] = [...softmax(logits.subarray(i * CLASSES, (i + 1) * CLASSES))];
    }
  };
  const sums = await by(session, of, { size, batch: 3, onBatch });
  return { all, sums };
}

test('predictions for an image and its horizontal flip are averaged', async () => {
  const [plain, turned, both] = [
    await said(evaluate, images),
    await said(evaluate, mirrored(images)),
    await said(evaluateMirrored, images),
  ];
  expect(turned.all).not.toEqual(plain.all);
  let [loss, correct] = [0, 0];
  for (const [i, row] of both.all.entries()) {
    const mean = row.map((_, c) => (plain.all[i]![c]! + turned.all[i]![c]!) / 2);
    for (const [c, probability] of row.entries()) expect(probability).toBeCloseTo(mean[c]!, 12);
    const label = images.labels[i]!;
    loss -= Math.log(mean[label]!) / COUNT;
    if (mean.indexOf(Math.max(...mean)) === label) correct++;
  }
  expect(meanLoss(both.sums)).toBeCloseTo(loss, 12);
  expect(accuracy(both.sums)).toBe(correct / COUNT);
  // The averaged predictions are symmetric.
  const again = await said(evaluateMirrored, mirrored(images));
  for (const [i, row] of again.all.entries()) {
    for (const [c, probability] of row.entries()) expect(probability).toBeCloseTo(both.all[i]![c]!, 12);
  }
});

test('flipping a data set twice gives the same data set', () => {
  const twice = mirrored(mirrored(images)).pixels;
  const bytes = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < COUNT; i++) {
    if (twice instanceof Uint8Array) throw new Error('copied');
    twice.read(i * bytes.length, bytes);
    expect([...bytes]).toEqual([
      ...(images.pixels as Uint8Array).subarray(i * bytes.length, (i + 1) * bytes.length),
    ]);
  }
});

test('a network with more classes than the data set predicts the same', async () => {
  const fewer = { ...images, labels: images.labels.map((label) => label % 2), classNames: ['a', 'b'] };
  const [all, some] = [await said(evaluateMirrored, images), await said(evaluateMirrored, fewer)];
  expect(some.all).toEqual(all.all);
  const loss = some.all.reduce((sum, row, i) => sum - Math.log(row[fewer.labels[i]!]!), 0);
  expect(some.sums.loss).toBeCloseTo(loss, 12);
});
