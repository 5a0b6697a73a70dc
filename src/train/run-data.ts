import type { Dataset, TrainTest } from '../data/dataset.ts';
import { holdOut } from '../data/hold-out.ts';
import type { RunConfig } from './config.ts';

/** What a run trains on, what chooses its best epoch (the test images, where nothing is held out), and the test. */
export interface RunData extends TrainTest {
  readonly validation?: Dataset;
}

/** Holds images out where the run wants it. @throws DataError */
export function dataOf({ validate, seed, limit }: RunConfig, data: TrainTest): RunData {
  return validate === undefined
    ? data
    : { ...holdOut(data.train, validate, { seed, limit }), test: data.test };
}
