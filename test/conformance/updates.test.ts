import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import type { Optimizer, UpdateRule } from '../../src/graph/optimizer.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { relativeError } from '../support/compare.ts';
import { ENGINES } from '../support/engines.ts';
import { bitsOfAll } from '../support/floats.ts';
import { numbers } from '../support/module-run.ts';
import { readState } from '../support/read-state.ts';
import { updateNetwork } from '../support/update-run.ts';

/** Several chunks with limits inside tensors; all lengths of vector tails; single elements. */
const SHAPES = { a: [1], b: [70, 131], c: [3, 45], d: [17], e: [1, 1], f: [64, 33], g: [15] } as const;
const NAMES = Object.keys(SHAPES) as (keyof typeof SHAPES)[];

const sgd = (momentum: number, nesterov = false): Optimizer => ({
  kind: 'sgd',
  momentum,
  nesterov,
  weightDecay: 0.05,
  decayed: 'weights',
});
const adamw = (beta1: number, eps = 1e-8): Optimizer => ({
  kind: 'adamw',
  beta1,
  beta2: 0.99,
  eps,
  weightDecay: 0.1,
  decayed: 'all',
});
const RULES: readonly (UpdateRule & { readonly name: string })[] = [
  { name: 'SGD', optimizer: sgd(0) },
  { name: 'SGD, clipped', optimizer: sgd(0), clipNorm: 1 },
  { name: 'SGD with momentum, clipped and averaged', optimizer: sgd(0.9), clipNorm: 30, averageDecay: 0.9 },
  { name: "SGD with Nesterov's momentum", optimizer: sgd(0.8, true) },
  { name: 'AdamW', optimizer: adamw(0.9) },
  { name: 'AdamW, clipped and averaged', optimizer: adamw(0, 1e-3), clipNorm: 2, averageDecay: 0.3 },
];

type State = ReadonlyMap<string, Float32Array | Float64Array>;

/** Three steps from the same state on an engine: returns parameters and optimizer state. */
async function threeSteps(
  engine: Engine,
  rule: UpdateRule,
  spoil?: (step: number) => number,
): Promise<State> {
  const network = updateNetwork(SHAPES, rule, engine.target);
  const session = await engine.open(network);
  const random = numbers(8);
  const draw = (count: number) => Float32Array.from({ length: count }, () => 2 * random() - 1);
  for (const [name, { shape, role }] of network.state) {
    session.write(
      name,
      role === 'parameter' ? draw(elementCount(shape)) : new Float32Array(elementCount(shape)),
    );
  }
  for (let step = 1; step <= 3; step++) {
    const inputs = NAMES.map((name) => [`grad.${name}`, draw(elementCount(SHAPES[name]))] as const);
    if (spoil) inputs[1]![1][777] = spoil(step);
    const scalars = { learningRate: 0.1 / step, step };
    await session.run('step', Object.fromEntries(inputs), scalars);
  }
  const state = await readState(session, network.state.keys());
  await session.close();
  return state;
}

describe.each(ENGINES)('$name updates as reference does by', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  test.each(RULES)('$name', async (rule) => {
    const want = await threeSteps(createReferenceEngine(), rule);
    const got = await threeSteps(engine, rule);
    expect([...got.keys()]).toEqual([...want.keys()]);
    for (const [name, values] of want) {
      expect(relativeError(got.get(name)!, values), name).toBeLessThan(1e-6);
    }
  });
});

describe.each(ENGINES)('on $name', ({ open }) => {
  test('one thread and three give the same bits', async () => {
    const [one, three] = [await open(1), await open(3)];
    for (const rule of RULES) {
      expect(bitsOfAll(await threeSteps(three, rule))).toEqual(bitsOfAll(await threeSteps(one, rule)));
    }
    await one.close();
    await three.close();
  });

  test('an overflowing norm of gradients is an error', async () => {
    const engine = await open();
    const overflow = (step: number) => (step === 2 ? 3e38 : 1);
    await expect(threeSteps(engine, RULES[1]!, overflow)).rejects.toThrow(/gradient norm of layer clipping/);
    await engine.close();
  });
});
