import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { errors } from '../support/compare.ts';
import { ENGINES, MISSING } from '../support/engines.ts';
import { moduleCase, type Results, runModuleCase } from '../support/module-run.ts';
import { CASES } from './cases.ts';
import { reductionLength, tolerance } from './tolerances.ts';

const prepared = CASES.map((each, i) => ({
  ...each,
  run: moduleCase(each.module, each.input, 1000 + i, each),
}));
const truths = new Map<string, Promise<Results>>();
const truth = (each: (typeof prepared)[number]) => {
  const known = truths.get(each.name) ?? runModuleCase(createReferenceEngine(), each.run);
  truths.set(each.name, known);
  return known;
};

describe.each(ENGINES)('$name agrees with reference on', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  test.each(prepared)('$name', async (each) => {
    const want = await truth(each);
    const got = await runModuleCase(engine, each.run);
    expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
    const limit = tolerance(reductionLength(each.run.network));
    for (const [name, error] of errors(got, want)) expect(error, name).toBeLessThan(limit);
  });
});

// Unavailable instruction sets are reported as skipped, not passed.
test.skip.each(MISSING)('%s agrees with reference', () => {});
