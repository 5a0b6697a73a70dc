import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { type GpuDevice, openDevice } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { nodeGpu } from '../../src/engine/webgpu/node-gpu.ts';
import type { UpdateRule } from '../../src/graph/optimizer.ts';
import { gpuProgram } from '../../src/target/webgpu/dispatch.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { relativeError } from '../support/compare.ts';
import { numbers } from '../support/module-run.ts';
import { readState } from '../support/read-state.ts';
import { updateNetwork } from '../support/update-run.ts';

/** Of at most 36 KiB each. */
const SHAPES = { a: [70, 131], b: [3, 45], c: [64, 33], d: [90, 99], e: [1] } as const;
const NAMES = Object.keys(SHAPES) as (keyof typeof SHAPES)[];
/** The tensors do not fit into one buffer of this size. */
const SMALL_BUFFER_BYTES = 40_960;

const RULE: UpdateRule = {
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0.01, decayed: 'weights' },
  clipNorm: 1,
};

let device: GpuDevice;
beforeAll(async () => {
  device = await openDevice({ gpu: await nodeGpu() });
});
afterAll(() => device.close());

const squares = (engine: Engine) =>
  gpuProgram(updateNetwork(SHAPES, RULE, engine.target).programs.get('step')!.program).dispatches.filter(
    ({ variant }) => variant.kind === 'sumSquares',
  );

async function twoSteps(engine: Engine, spoiled?: keyof typeof SHAPES) {
  const network = updateNetwork(SHAPES, RULE, engine.target);
  const session = await engine.open(network);
  const random = numbers(3);
  const draw = (count: number) => Float32Array.from({ length: count }, () => 2 * random() - 1);
  for (const [name, { shape }] of network.state) session.write(name, draw(elementCount(shape)));
  for (let step = 1; step <= 2; step++) {
    const inputs = NAMES.map((name) => [`grad.${name}`, draw(elementCount(SHAPES[name]))] as const);
    for (const [name, gradient] of inputs)
      if (name === `grad.${spoiled}`) gradient[0] = Number.POSITIVE_INFINITY;
    await session.run('step', Object.fromEntries(inputs), { learningRate: 0.1, step });
  }
  const state = await readState(session, network.state.keys());
  await session.close();
  return state;
}

test('gradients in several buffers are clipped by the norm of all, with the bits of those in one buffer', async () => {
  const whole = createWebgpuEngine({ device });
  const split = createWebgpuEngine({ device: { ...device, maxBufferBytes: SMALL_BUFFER_BYTES } });
  expect(squares(whole)).toHaveLength(1);
  expect(squares(split).length).toBeGreaterThan(1);
  const got = await twoSteps(split);
  expect(got).toEqual(await twoSteps(whole));
  const want = await twoSteps(createReferenceEngine());
  for (const [name, values] of want) expect(relativeError(got.get(name)!, values), name).toBeLessThan(1e-6);
});

test.each(NAMES)('infinity in the gradient of %s is found in whichever buffer it is', async (name) => {
  const split = createWebgpuEngine({ device: { ...device, maxBufferBytes: SMALL_BUFFER_BYTES } });
  await expect(twoSteps(split, name)).rejects.toThrow(/gradient norm of layer clipping/);
});
