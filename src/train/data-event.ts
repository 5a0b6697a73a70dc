import { classCounts } from '../data/classes.ts';
import type { Dataset, TrainTest } from '../data/dataset.ts';
import type { TrainEvent } from './events.ts';

/** The number of images of each class. */
export function dataEvent(name: string, data: TrainTest): Extract<TrainEvent, { kind: 'data' }> {
  const { classNames } = data.train;
  const [train, test] = [countsOf(data.train), countsOf(data.test)];
  const validation = data.validation && countsOf(data.validation);
  const classes = classNames.map((label, i) => ({
    name: label,
    train: train[i]!,
    ...(validation && { validation: validation[i]! }),
    test: test[i]!,
  }));
  return { kind: 'data', data: name, classes, skipped: data.skipped ?? [] };
}

function countsOf({ labels, classNames }: Dataset): Uint32Array {
  return classCounts(labels, classNames.length);
}
