import { exp } from '../tensor/exp.ts';

/** Scores of a network on one class. Precision, recall and F1 are 0 if nothing was predicted or present. */
export interface ClassScore {
  readonly name: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Number of images of the class. */
  readonly support: number;
}

/** A misclassified image. */
export interface Mistake {
  /** Index in the data set. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  /** The probabilities of the predicted and of the true class. */
  readonly confidence: number;
  readonly truth: number;
}

/** Collects a network's predictions for labelled images. */
export class Scorecard {
  readonly classNames: readonly string[];
  /** Number of images for [true class, predicted class]. */
  readonly confusion: Uint32Array;
  readonly #keep: number;
  #mistakes: Mistake[] = [];
  #count = 0;
  #inTopFive = 0;

  /** @param keep number of mistakes to keep. */
  constructor(classNames: readonly string[], keep: number) {
    this.classNames = classNames;
    this.confusion = new Uint32Array(classNames.length ** 2);
    this.#keep = keep;
  }

  /** Adds the predictions for images from index `first` on. @param logits [labels, classes] */
  add(first: number, labels: ArrayLike<number>, logits: Float32Array | Float64Array): void {
    const classes = this.classNames.length;
    for (let i = 0; i < labels.length; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      const label = labels[i]!;
      const predicted = indexOfGreatest(row);
      this.#count++;
      this.confusion[label * classes + predicted]!++;
      if (greaterThan(row, row[label]!) < 5) this.#inTopFive++;
      if (predicted !== label) {
        const probabilities = softmax(row);
        const [confidence, truth] = [probabilities[predicted]!, probabilities[label]!];
        this.#addMistake({ index: first + i, label, predicted, confidence, truth });
      }
    }
  }

  get accuracy(): number {
    return this.classNames.reduce((sum, _, c) => sum + this.#at(c, c), 0) / this.#count;
  }

  /** Fraction of images whose class is among the five most probable. */
  get topFiveAccuracy(): number {
    return this.#inTopFive / this.#count;
  }

  get classes(): readonly ClassScore[] {
    const all = this.classNames.map((_, c) => c);
    return this.classNames.map((name, c) => {
      const right = this.#at(c, c);
      const support = all.reduce((sum, predicted) => sum + this.#at(c, predicted), 0);
      const claimed = all.reduce((sum, label) => sum + this.#at(label, c), 0);
      const [precision, recall] = [share(right, claimed), share(right, support)];
      return { name, precision, recall, f1: share(2 * right, claimed + support), support };
    });
  }

  /** The most confident mistakes, in descending order of confidence. */
  get mistakes(): readonly Mistake[] {
    return this.#mistakes;
  }

  #at(label: number, predicted: number): number {
    return this.confusion[label * this.classNames.length + predicted]!;
  }

  #addMistake(mistake: Mistake): void {
    const worst = this.#mistakes;
    if (worst.length === this.#keep && mistake.confidence <= worst.at(-1)!.confidence) return;
    const place = worst.findIndex(({ confidence }) => confidence < mistake.confidence);
    worst.splice(place < 0 ? worst.length : place, 0, mistake);
    if (worst.length > this.#keep) worst.pop();
  }
}

/** Class probabilities, [classes], of one image's logits, [classes]. */
export function softmax(logits: Float32Array | Float64Array): Float64Array {
  const most = logits[indexOfGreatest(logits)]!;
  const powers = Float64Array.from(logits, (logit) => exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Index of the first maximum, as the kernels' argmax. */
export function indexOfGreatest(row: Float32Array | Float64Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

function greaterThan(row: Float32Array | Float64Array, value: number): number {
  let count = 0;
  for (const other of row) if (other > value) count++;
  return count;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
