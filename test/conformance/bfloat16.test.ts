import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { ENGINES, MISSING } from '../support/engines.ts';
import { moduleCase, type Results, runModuleCase } from '../support/module-run.ts';
import { meanErrors, storageBounds } from '../support/storage-rounding.ts';
import { CASES } from './cases.ts';
import { reductionLength, tolerance } from './tolerances.ts';

const prepared = CASES.map((each, i) => ({
  ...each,
  run: moduleCase(each.module, each.input, 2000 + i, { ...each, precision: 'bf16' }),
}));

interface Truth {
  readonly want: Results;
  readonly bounds: ReadonlyMap<string, number>;
}
const truths = new Map<string, Promise<Truth>>();
const truth = (each: (typeof prepared)[number]) => {
  const compute = async (): Promise<Truth> => {
    const want = await runModuleCase(createReferenceEngine(), each.run);
    const float32Error = tolerance(reductionLength(each.run.network));
    return {
      want,
      bounds: await storageBounds((engine) => runModuleCase(engine, each.run), want, float32Error),
    };
  };
  const known = truths.get(each.name) ?? compute();
  truths.set(each.name, known);
  return known;
};

describe.each(ENGINES)(
  '$name with feature maps in bfloat16 is as near to reference as that can be on',
  ({ open }) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(() => engine.close());

    test.each(prepared)('$name', async (each) => {
      const { want, bounds } = await truth(each);
      const got = await runModuleCase(engine, each.run);
      expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
      for (const [name, error] of meanErrors(got, want)) expect(error, name).toBeLessThan(bounds.get(name)!);
    });
  },
);

// Numbers of the same size that have nothing to do with the right ones are off by 1.4; of the smallest maps a few masks that
// flip are a large part of a gradient.
test('the bounds tell right numbers from wrong ones', async () => {
  const bounds: number[] = [];
  for (const each of prepared) bounds.push(...(await truth(each)).bounds.values());
  bounds.sort((a, b) => a - b);
  expect(bounds[Math.floor(0.5 * bounds.length)]).toBeLessThan(0.05);
  expect(bounds[Math.floor(0.98 * bounds.length)]).toBeLessThan(1);
});

// An instruction set that is not here has agreed with nothing.
test.skip.each(MISSING)('%s agrees with reference', () => {});
