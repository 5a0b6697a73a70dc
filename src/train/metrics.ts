/** Sums over images, as in d2l's `train_ch6`: losses weighted by batch size, correct predictions, images. */
export interface Sums {
  readonly loss: number;
  readonly correct: number;
  readonly count: number;
}

export const NOTHING: Sums = { loss: 0, correct: 0, count: 0 };

/** @param loss mean of the batch. */
export function addBatch(sums: Sums, loss: number, correct: number, size: number): Sums {
  return { loss: sums.loss + loss * size, correct: sums.correct + correct, count: sums.count + size };
}

export function meanLoss({ loss, count }: Sums): number {
  return loss / count;
}

export function accuracy({ correct, count }: Sums): number {
  return correct / count;
}
