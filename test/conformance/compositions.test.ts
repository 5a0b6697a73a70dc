import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { denseLayer, transition } from '../../src/model/densenet.ts';
import {
  avgPool,
  batchNorm,
  conv2d,
  denseBlock,
  dropout,
  identity,
  type Module,
  maxPool,
  relu,
  sequential,
  sum,
} from '../../src/model/module.ts';
import { ShapeError } from '../../src/tensor/shape.ts';
import { errors } from '../support/compare.ts';
import { ENGINES } from '../support/engines.ts';
import { type ModuleCase, moduleCase, numbers, type Results, runModuleCase } from '../support/module-run.ts';
import { reductionLength, tolerance } from './tolerances.ts';

const channels = fc.integer({ min: 1, max: 21 });
const leaf: fc.Arbitrary<Module> = fc.oneof(
  fc.constant(batchNorm()),
  fc.constant(relu()),
  fc.constant(dropout(0.3)),
  fc.constant(sequential([batchNorm(), relu()])),
  fc
    .tuple(channels, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), fc.boolean())
    .map(([out, kernel, stride, bias]) => conv2d(out, kernel, { stride, padding: kernel >> 1, bias })),
  fc.integer({ min: 1, max: 3 }).map((kernel) => avgPool(kernel, { stride: 2, padding: kernel >> 1 })),
  fc.integer({ min: 1, max: 3 }).map((kernel) => maxPool(kernel, { stride: 1, padding: kernel >> 1 })),
  channels.map((out) => transition(out)),
  channels.map((out) => transition(out, { pool: 'max' })),
);
const { module: anyModule } = fc.letrec<{ module: Module; chain: Module; block: Module; branches: Module }>(
  (tie) => ({
    module: fc.oneof({ depthSize: 'small' }, leaf, tie('chain'), tie('block'), tie('branches')),
    chain: fc.array(tie('module'), { minLength: 1, maxLength: 4 }).map((children) => sequential(children)),
    block: fc
      .array(channels, { minLength: 1, maxLength: 3 })
      .map((growths) => denseBlock(growths.map((k) => denseLayer(k)))),
    branches: fc
      .array(fc.constantFrom(identity(), relu(), batchNorm()), { minLength: 2, maxLength: 3 })
      .map((list) => sum(list.map((each, i) => [`${i}`, each]))),
  }),
);
const input = fc.tuple(
  fc.integer({ min: 1, max: 5 }),
  channels,
  fc.integer({ min: 2, max: 13 }),
  fc.integer({ min: 2, max: 13 }),
);

/**
 * The condition of a case: the change of the results if every input changes by about the rounding error of
 * float32.
 */
async function conditioning(each: ModuleCase, want: Results): Promise<number> {
  const random = numbers(5);
  const nudge = (data: Float32Array | Float64Array) =>
    Float64Array.from(data, (v) => v * (1 + (random() - 0.5) * 2 ** -22));
  const state = new Map([...each.state].map(([name, data]) => [name, nudge(data)]));
  const inputs = { x: nudge(each.inputs.x), seed: nudge(each.inputs.seed!) };
  const moved = await runModuleCase(createReferenceEngine(), { ...each, state, inputs });
  return Math.max(...errors(moved, want, 1).values());
}

/** Number of compositions, the same for all engines. */
const RUNS = 120;

/** The results of the reference engine, shared by all engines. */
const wanted = new Map<string, { readonly want: Results; readonly conditioning: number }>();

async function wantedOf(each: ModuleCase, seed: number) {
  const key = `${seed} ${JSON.stringify(each.network.programs.get('step')!.graph)}`;
  const known = wanted.get(key);
  if (known) return known;
  const want = await runModuleCase(createReferenceEngine(), each);
  const found = { want, conditioning: await conditioning(each, want) };
  wanted.set(key, found);
  return found;
}

test.each(ENGINES)(
  'any composition on $name computes, fused and planned, what it computes unfused and unplanned',
  async ({ open }) => {
    const engine = await open();
    let [compared, strict] = [0, 0];
    await fc.assert(
      fc.asyncProperty(anyModule, input, fc.integer({ min: 1, max: 1e9 }), async (module, shape, seed) => {
        let each: ReturnType<typeof moduleCase>;
        try {
          each = moduleCase(module, shape, seed);
        } catch (error) {
          if (error instanceof ShapeError) return; // A map too small for its window is correctly refused.
          throw error;
        }
        const { want, conditioning } = await wantedOf(each, seed);
        const got = await runModuleCase(engine, each);
        const limit = tolerance(reductionLength(each.network)) + 16 * conditioning;
        compared++;
        if (limit < 0.01) strict++;
        for (const [name, error] of errors(got, want, 1)) expect(error, name).toBeLessThan(limit);
      }),
      { numRuns: RUNS, seed: 20261124 },
    );
    await engine.close();
    expect(compared).toBeGreaterThan(RUNS * 0.6);
    expect(strict).toBeGreaterThan(compared * 0.8);
  },
);
