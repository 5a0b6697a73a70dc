import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { ENGINES, MISSING } from '../support/engines.ts';
import { moduleCase, runModuleCase } from '../support/module-run.ts';
import { roundedTruth } from '../support/rounded-truth.ts';
import { meanErrors } from '../support/storage-rounding.ts';
import { CASES } from './cases.ts';

const prepared = CASES.map((each, i) => ({
  ...each,
  run: moduleCase(each.module, each.input, 2000 + i, { ...each, precision: 'bf16' }),
}));

describe.each(ENGINES)(
  '$name with feature maps in bfloat16 is as near to reference as that can be on',
  ({ open }) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(() => engine.close());

    test.each(prepared)('$name', async (each) => {
      const { want, bounds } = await roundedTruth(each.run);
      const got = await runModuleCase(engine, each.run);
      expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
      for (const [name, error] of meanErrors(got, want)) expect(error, name).toBeLessThan(bounds.get(name)!);
    });
  },
);

// Unrelated numbers of the same size have an error of 1.4. On the smallest maps a few flipped masks are a large
// part of a gradient.
test('the tolerances distinguish correct from wrong results', async () => {
  const bounds: number[] = [];
  for (const each of prepared) bounds.push(...(await roundedTruth(each.run)).bounds.values());
  bounds.sort((a, b) => a - b);
  expect(bounds[Math.floor(0.5 * bounds.length)]).toBeLessThan(0.05);
  expect(bounds[Math.floor(0.98 * bounds.length)]).toBeLessThan(1);
});

// Unavailable instruction sets are reported as skipped, not passed.
test.skip.each(MISSING)('%s agrees with reference', () => {});
