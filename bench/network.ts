import { densenet } from '../src/model/densenet.ts';
import type { Model } from '../src/model/module.ts';

/** What every contender of a benchmark trains. Defaults: the notes' network and step. */
export interface StepCase {
  readonly size: number;
  readonly batch: number;
  readonly blocks: readonly number[];
  readonly growth: number;
  readonly stem: number;
  readonly threads: number;
}

export const NOTES_STEP: StepCase = {
  size: 96,
  batch: 256,
  blocks: [4, 4, 4, 4],
  growth: 32,
  stem: 64,
  threads: 2,
};

export function networkOf({ blocks, growth, stem }: StepCase): Model {
  return densenet({ blocks, growthRate: growth, stem });
}
