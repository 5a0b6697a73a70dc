import type { CrossEntropy, CrossEntropyGrad } from '../../graph/op.ts';
import type { Frame } from './frame.ts';

/** [loss, number of rows whose first maximum is at the label] */
export async function crossEntropy(frame: Frame, op: CrossEntropy): Promise<Float64Array[]> {
  const labels = frame.get(op.labels);
  const rows = rowsOf(frame, op);
  const images = imagesOf(frame, op, rows.length);
  const weightOf = weightsOf(frame, op);
  const [loss, correct] = await frame.sumOverImages(rows.length, (first, end) => {
    const sums = new Float64Array(2);
    for (let n = first; n < end; n++) {
      const row = rows[n]!;
      const truth = truthOf(op, row.length, labels[n]!);
      const expected = row.reduce((sum, logit, k) => (truth(k) > 0 ? sum + truth(k) * logit : sum), 0);
      sums[0]! += (weightOf(n) * (logSumExp(row) - expected)) / images;
      sums[1]! += row.indexOf(Math.max(...row)) === labels[n] ? 1 : 0;
    }
    return sums;
  });
  return [Float64Array.of(loss!), Float64Array.of(correct!)];
}

/** weight·(softmax(row) − target)/N, for N images in the whole batch */
export function crossEntropyGrad(frame: Frame, op: CrossEntropyGrad): Float64Array[] {
  const labels = frame.get(op.labels);
  const rows = rowsOf(frame, op);
  const images = imagesOf(frame, op, rows.length);
  const weightOf = weightsOf(frame, op);
  const gradient = rows.flatMap((row, n) => {
    const norm = logSumExp(row);
    const truth = truthOf(op, row.length, labels[n]!);
    return [...row].map((logit, k) => (weightOf(n) * (Math.exp(logit - norm) - truth(k))) / images);
  });
  return [Float64Array.from(gradient)];
}

/** Number of images that the mean is over. @param rows of this rank. */
function imagesOf(frame: Frame, op: CrossEntropy | CrossEntropyGrad, rows: number): number {
  return op.partOf ?? frame.ofAllRanks(rows);
}

/** The weight of each image's loss. */
function weightsOf(frame: Frame, { imageWeights }: CrossEntropy | CrossEntropyGrad): (n: number) => number {
  if (imageWeights === undefined) return () => 1;
  const weights = frame.get(imageWeights);
  return (n) => weights[n]!;
}

/** The target probability of each class. */
function truthOf({ smoothing }: CrossEntropy | CrossEntropyGrad, classes: number, label: number) {
  return (k: number): number => (k === label ? 1 - smoothing : 0) + smoothing / classes;
}

function rowsOf(frame: Frame, op: CrossEntropy | CrossEntropyGrad): Float64Array[] {
  const [n, classes] = frame.shape(op.logits) as [number, number];
  const logits = frame.get(op.logits);
  return Array.from({ length: n }, (_, i) => logits.subarray(i * classes, (i + 1) * classes));
}

function logSumExp(row: Float64Array): number {
  const greatest = Math.max(...row);
  return greatest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - greatest), 0));
}
