import type { Labels } from '../data/dataset.ts';
import { mirrored } from '../data/mirrored.ts';
import { evaluate } from './evaluate.ts';
import { indexOfGreatest, softmax } from './scorecard.ts';

/**
 * As `evaluate`, with the average of the probabilities for each image and its horizontal flip: two passes. `onBatch`
 * receives the logarithms of those averages as logits, after both passes.
 */
export const evaluateMirrored: typeof evaluate = async (
  session,
  dataset,
  options,
  onProgress = () => {},
  signal,
) => {
  const { batch, onBatch } = options;
  const count = Math.min(options.limit ?? dataset.count, dataset.count);
  let classes = 0; // Of the network: it may have more classes than the data set.
  let means = new Float64Array();
  const addHalf = (first: number, labels: Labels, logits: Float32Array | Float64Array) => {
    classes = logits.length / labels.length;
    if (means.length === 0) means = new Float64Array(count * classes);
    for (let i = 0; i < labels.length; i++) {
      const row = softmax(logits.subarray(i * classes, (i + 1) * classes));
      for (let c = 0; c < classes; c++) means[(first + i) * classes + c]! += row[c]! / 2;
    }
  };
  for (const [pass, set] of [dataset, mirrored(dataset)].entries()) {
    const tell = (done: number, total: number) => onProgress(pass * total + done, 2 * total);
    await evaluate(session, set, { ...options, onBatch: addHalf }, tell, signal);
  }
  const logits = means.map(Math.log);
  let [loss, correct] = [0, 0];
  for (let i = 0; i < count; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const label = dataset.labels[i]!;
    loss -= row[label]!;
    if (indexOfGreatest(row) === label) correct++;
  }
  for (let first = 0; onBatch && first < count; first += batch) {
    const end = Math.min(first + batch, count);
    const rows = logits.subarray(first * classes, end * classes);
    onBatch(first, dataset.labels.subarray(first, end), rows, new Map([['logits', rows]]));
  }
  return { loss, correct, count };
};
