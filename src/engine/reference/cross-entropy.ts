import type { CrossEntropy, CrossEntropyGrad } from '../../graph/op.ts';
import type { Frame } from './frame.ts';

/** [mean loss, number of rows whose first greatest logit is at the label] */
export function crossEntropy(frame: Frame, op: CrossEntropy): Float64Array[] {
  const labels = frame.get(op.labels);
  const rows = rowsOf(frame, op);
  let [loss, correct] = [0, 0];
  rows.forEach((row, n) => {
    loss += (logSumExp(row) - row[labels[n]!]!) / rows.length;
    correct += row.indexOf(Math.max(...row)) === labels[n] ? 1 : 0;
  });
  return [Float64Array.of(loss), Float64Array.of(correct)];
}

/** (softmax(row) − onehot(label))/N */
export function crossEntropyGrad(frame: Frame, op: CrossEntropyGrad): Float64Array[] {
  const labels = frame.get(op.labels);
  const rows = rowsOf(frame, op);
  const gradient = rows.flatMap((row, n) => {
    const norm = logSumExp(row);
    return [...row].map((logit, k) => (Math.exp(logit - norm) - (k === labels[n] ? 1 : 0)) / rows.length);
  });
  return [Float64Array.from(gradient)];
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
