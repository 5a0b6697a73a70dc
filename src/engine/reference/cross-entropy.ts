import type { CrossEntropy, CrossEntropyGrad } from '../../graph/op.ts';
import type { Frame } from './frame.ts';

/** [loss, number of rows whose first greatest logit is at the label] */
export function crossEntropy(frame: Frame, op: CrossEntropy): Float64Array[] {
  const labels = frame.get(op.labels);
  const rows = rowsOf(frame, op);
  let [loss, correct] = [0, 0];
  rows.forEach((row, n) => {
    const truth = truthOf(op, row.length, labels[n]!);
    const expected = row.reduce((sum, logit, k) => (truth(k) > 0 ? sum + truth(k) * logit : sum), 0);
    loss += (logSumExp(row) - expected) / (op.partOf ?? rows.length);
    correct += row.indexOf(Math.max(...row)) === labels[n] ? 1 : 0;
  });
  return [Float64Array.of(loss), Float64Array.of(correct)];
}

/** (softmax(row) − truth)/N, N images in the whole batch */
export function crossEntropyGrad(frame: Frame, op: CrossEntropyGrad): Float64Array[] {
  const labels = frame.get(op.labels);
  const rows = rowsOf(frame, op);
  const gradient = rows.flatMap((row, n) => {
    const norm = logSumExp(row);
    const truth = truthOf(op, row.length, labels[n]!);
    return [...row].map((logit, k) => (Math.exp(logit - norm) - truth(k)) / (op.partOf ?? rows.length));
  });
  return [Float64Array.from(gradient)];
}

/** The probability that each class is meant to have. */
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
