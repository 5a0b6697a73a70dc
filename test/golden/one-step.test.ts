import { describe, expect, test } from 'vitest';
import { replayOneStep } from '../../src/train/one-step.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { golden } from '../support/golden.ts';
import { roundedReference } from '../support/storage-rounding.ts';

/** SwiftShader takes minutes for a step of 96×96 images: with `npm run test:webgpu -- --long`. */
const isShort = process.env.DENSOR_WEBGPU === 'short';
const STEPS = ['small_avg', 'small_max', ...(isShort ? [] : ['notes_net'])];

describe.each([REFERENCE, ...ENGINES])("one training step on $name gives PyTorch's numbers", ({ open }) => {
  test.each(STEPS)('%s', async (name) => {
    const engine = await open();
    const groups = await replayOneStep(golden(name), name, engine);
    await engine.close();
    expect(groups.map(({ group }) => group)).toEqual(['logits', 'loss', 'grad', 'after', 'eval_logits']);
    for (const { group, error, bound, worst } of groups) {
      expect(error, `${group}, most in ${worst}`).toBeLessThanOrEqual(bound);
    }
  });
});

describe.each(ENGINES)('one training step on $name with feature maps in bfloat16', ({ open }) => {
  // Tolerance: four times the error of a float64 engine with relative errors of 2⁻⁹ in all stored numbers.
  test.each(['small_avg', 'small_max'])('%s', async (name) => {
    const bounds = await (storageErrors.get(name) ?? storageErrors.set(name, measure(name)).get(name)!);
    const engine = await open();
    const groups = await replayOneStep(golden(name), name, engine, 'bf16');
    await engine.close();
    groups.forEach(({ group, error, worst }, i) => {
      expect(error, `${group}, most in ${worst}`).toBeLessThan(4 * bounds[i]!);
    });
  });
});

const storageErrors = new Map<string, Promise<readonly number[]>>();
/** The maximum of three draws for each group. */
async function measure(name: string): Promise<readonly number[]> {
  const draws: number[][] = [];
  for (const draw of [21, 22, 23]) {
    const groups = await replayOneStep(golden(name), name, roundedReference(draw));
    draws.push(groups.map(({ error }) => error));
  }
  return draws[0]!.map((_, group) => Math.max(...draws.map((errors) => errors[group]!)));
}

test('a step that differs in one weight is detected', async () => {
  const content = golden('small_avg');
  const tensors = new Map(content.tensors);
  const name = 'grad.2.2.weight';
  const { shape, data } = tensors.get(name)!;
  const changed = Float32Array.from(data as Float32Array);
  changed[3] = changed[3]! + 0.01 * Math.max(...changed.map(Math.abs));
  tensors.set(name, { shape, data: changed });
  const engine = await REFERENCE.open();
  const groups = await replayOneStep({ ...content, tensors }, 'changed', engine);
  expect(groups.filter(({ passed }) => !passed).map(({ worst }) => worst)).toEqual([name]);
});
