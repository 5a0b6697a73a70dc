import { describe, expect, test } from 'vitest';
import { compile, compileGraph, stateOf } from '../../src/compile.ts';
import { NonFiniteError } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { batchNorm, conv2d, maxPool, relu, sequential } from '../../src/model/module.ts';
import { traceModule } from '../../src/model/trace.ts';
import { layOutState } from '../../src/plan/plan.ts';
import type { Target } from '../../src/plan/target.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { runModuleCase } from '../support/module-run.ts';

const model = densenet({ blocks: [1, 1], growthRate: 4, stem: 6 });
const compiledFor = (target: Target) =>
  compile(model, [20, 20], { train: { batch: 4, mode: 'train' } }, { target });
const labels = Int32Array.of(1, 2, 3, 4);
const images = Float32Array.from({ length: 4 * 400 }, (_, i) => (i % 17) / 17);

test.each(ENGINES)(
  'a max pool on $name lets NaN through, wherever in the window it stands',
  async ({ open }) => {
    const stem = sequential([conv2d(1, 1, { bias: false }), batchNorm(), relu(), maxPool(2)]);
    const engine = await open(1);
    for (const module of [maxPool(2), stem]) {
      const { graph } = traceModule(module, [1, 1, 4, 4], 'evaluate');
      const state = stateOf(graph);
      const { target } = engine;
      const layout = layOutState(state, false, target);
      const step = compileGraph(graph, layout, undefined, { target });
      const network = { state, layout, programs: new Map([['step', step]]) };
      const ones = [...state].map(([name]) => [name, Float32Array.of(1)] as const);
      for (const at of [0, 1, 4, 5]) {
        const x = Float32Array.from({ length: 16 }, (_, i) => (i === at ? Number.NaN : i));
        const results = await runModuleCase(engine, {
          network,
          networkFor: () => network,
          state: new Map(ones),
          inputs: { x },
        });
        expect([...results.get('y')!].map(Number.isNaN)).toEqual([true, false, false, false]);
      }
    }
    await engine.close();
  },
);

describe.each([REFERENCE, ...ENGINES])('NaN or infinity on $name', ({ open }) => {
  async function failure(spoil: (state: Map<string, Float32Array>, images: Float32Array) => void) {
    const engine = await open();
    const { network, initializers } = compiledFor(engine.target);
    const session = await engine.open(network);
    const state = new Map(
      [...network.state].map(([name, { shape }]) => [
        name,
        initialNumbers(3, name, elementCount(shape), initializers.get(name)!),
      ]),
    );
    const pixels = images.slice();
    spoil(state, pixels);
    for (const [name, data] of state) session.write(name, data);
    const error = await session.run('train', { images: pixels, labels }, { learningRate: 0.1 }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    for (const [name, data] of state) expect(Float32Array.from(await session.read(name)), name).toEqual(data);
    await engine.close();
    expect(error).toBeInstanceOf(NonFiniteError);
    return error as NonFiniteError;
  }

  test('in a pixel is detected in the first statistics; the state is unchanged', async () => {
    const error = await failure((_, pixels) => pixels.fill(Number.NaN, 700, 701));
    expect([error.quantity, error.layer]).toEqual(['statistics', expect.stringContaining('stem')]);
  });

  test('in the weights of the head is detected in the loss', async () => {
    const error = await failure((state) => state.get('8.weight')!.fill(Number.POSITIVE_INFINITY));
    expect(error.quantity).toBe('loss');
  });

  test('is detected even if a ReLU would hide it', async () => {
    const error = await failure((state) => state.get('4.bias')!.fill(Number.NaN));
    expect(error.quantity).toBe('loss');
  });
});
