import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { reductionLength, tolerance } from '../conformance/tolerances.ts';
import { type Results, runModuleCase } from './module-run.ts';
import { storageBounds } from './storage-rounding.ts';

/** The results of a module in float64, and the tolerances with feature maps in bfloat16. */
export interface RoundedTruth {
  readonly want: Results;
  readonly bounds: ReadonlyMap<string, number>;
}

type Case = Parameters<typeof runModuleCase>[1];

const truths = new WeakMap<Case, Promise<RoundedTruth>>();

/** Computed once per case, for all engines. */
export function roundedTruth(run: Case): Promise<RoundedTruth> {
  const known = truths.get(run) ?? compute(run);
  truths.set(run, known);
  return known;
}

async function compute(run: Case): Promise<RoundedTruth> {
  const want = await runModuleCase(createReferenceEngine(), run);
  const float32Error = tolerance(reductionLength(run.network));
  return { want, bounds: await storageBounds((engine) => runModuleCase(engine, run), want, float32Error) };
}
