import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inProcessGroups } from '../../src/distributed/in-process.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { CASES, WITHOUT_STRIPS } from '../conformance/cases.ts';
import { BEST, ENGINES, REFERENCE } from '../support/engines.ts';
import { type ModuleOptions, moduleCase, type Results, runModuleCase } from '../support/module-run.ts';

/** Two images per leaf, to test the order within a leaf; one if maps are large. */
const imagesOf = (pixels: number) => (pixels > 1024 ? 16 : 32);
const RANKS = [2, 4, 8, 16];
/** `npm run test:ranks` tests all engines, precisions and ranks. */
const IS_ALL = process.env.DENSOR_RANKS === 'all';
/** The ranks tested on the other instruction sets, in bfloat16, and in float64. */
const SOME_RANKS = IS_ALL ? RANKS : [16];

/**
 * The results of all ranks: feature maps concatenated, other results of the first rank after checking that all are
 * equal.
 */
async function runShared(
  engines: readonly Engine[],
  { module, input, ...options }: (typeof CASES)[number],
  ranks: number,
  precision: NonNullable<ModuleOptions['precision']>,
): Promise<Results> {
  const [, ...rest] = input;
  const images = imagesOf((rest[1] ?? 1) * (rest[2] ?? 1));
  const each = moduleCase(module, [images, ...rest], 77, { ...options, precision, ranks });
  const groups = inProcessGroups(ranks);
  const all = await Promise.all(groups.map((group) => runModuleCase(engines[group.rank]!, each, group)));
  return new Map(
    [...all[0]!].map(([name, first]) => {
      if (name !== 'y' && name !== 'grad.x') {
        for (const other of all) expect(bits(other.get(name)!).equals(bits(first)), name).toBe(true);
        return [name, first];
      }
      const joined = new Float64Array(ranks * first.length);
      for (const [rank, results] of all.entries()) joined.set(results.get(name)!, rank * first.length);
      return [name, first instanceof Float32Array ? Float32Array.from(joined) : joined];
    }),
  );
}

function bits(numbers: Float32Array | Float64Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** The best native and WASM instruction sets, and one without vectors. */
const SOME = ENGINES.filter(({ name }) => [BEST, 'wasm relaxed-simd', 'native scalar'].includes(name));

describe.each([REFERENCE, ...(IS_ALL ? ENGINES : SOME)])(
  'ranks on $name give the bits of a single process',
  ({ name, open }) => {
    let engines: Engine[];
    beforeAll(async () => {
      engines = await Promise.all(Array.from({ length: Math.max(...RANKS) }, () => open(1)));
    }, 60_000);
    afterAll(() => Promise.all(engines.map((engine) => engine.close())));

    test.each(name === 'reference' ? WITHOUT_STRIPS : CASES)('$name', async (each) => {
      for (const precision of name === 'reference' ? (['f32'] as const) : (['f32', 'bf16'] as const)) {
        const alone = await runShared(engines, each, 1, precision);
        for (const ranks of name === BEST && precision === 'f32' ? RANKS : SOME_RANKS) {
          const shared = await runShared(engines, each, ranks, precision);
          expect([...shared.keys()]).toEqual([...alone.keys()]);
          for (const [result, numbers] of alone)
            expect(
              bits(shared.get(result)!).equals(bits(numbers)),
              `${result}, ${precision}, ${ranks} ranks`,
            ).toBe(true);
        }
      }
    });
  },
);
