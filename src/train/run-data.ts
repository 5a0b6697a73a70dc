import type { TrainTest } from '../data/dataset.ts';
import { splitValidation } from '../data/validation-split.ts';
import type { RunConfig } from './config.ts';

/** Splits off validation images if the run requires it. @throws DataError */
export function dataOf({ validate, seed, limit }: RunConfig, data: TrainTest): TrainTest {
  return validate === undefined
    ? data
    : { ...splitValidation(data.train, validate, { seed, limit }), test: data.test };
}
