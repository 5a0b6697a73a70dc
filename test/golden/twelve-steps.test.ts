import { describe, expect, test } from 'vitest';
import { compile, compileGraph } from '../../src/compile.ts';
import { Loader } from '../../src/data/loader.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import { trace } from '../../src/model/trace.ts';
import { openDataset } from '../../src/node/data/open-dataset.ts';
import type { Precision } from '../../src/tensor/precision.ts';
import { BEST, ENGINES } from '../support/engines.ts';
import { golden, tensorOf } from '../support/golden.ts';

const file = golden('notes_net_12_steps');
const [losses, right] = [tensorOf(file, 'losses'), tensorOf(file, 'right')];

/**
 * Tolerances: 1e-5, then 1%, then 10%, because float32 results diverge when many ReLU masks flip (PyTorch's own
 * `spread` in the file is 6% at step 7). The amount depends on the last bits, so the mean over two orders of
 * summation is compared.
 */
const LEAVES = [16, 32];
const bound = (step: number) => (step === 0 ? 1e-5 : step === 1 ? 0.01 : 0.1);

/** Additional tolerance for feature maps in bfloat16. */
const STORED_MAPS = 25;
const storage = STORED_MAPS * 2 ** -9;

type Losses = readonly { readonly loss: number; readonly right: number }[];

/** Means over orders of summation. */
async function meanLosses(
  open: () => Promise<Engine>,
  steps: number,
  precision: Precision,
  orders = LEAVES,
): Promise<Losses> {
  const all: Losses[] = [];
  for (const leaves of orders) all.push(await firstLosses(open, steps, precision, leaves));
  const mean = (of: (losses: Losses) => number) => all.reduce((sum, each) => sum + of(each), 0) / all.length;
  return all[0]!.map((_, i) => ({
    loss: mean((each) => each[i]!.loss),
    right: mean((each) => each[i]!.right),
  }));
}

async function firstLosses(
  open: () => Promise<Engine>,
  steps: number,
  precision: Precision,
  leaves: number,
): Promise<Losses> {
  const { train } = await openDataset('sample', undefined, { note: () => {}, bytes: () => {} });
  const engine = await open();
  const { target } = engine;
  const { network: trained } = compile(
    densenet(),
    [96, 96],
    { train: { batch: 64, mode: 'train' } },
    { precision, target, leaves },
  );
  // The last step only needs its loss, so it has no gradients.
  const last = compileGraph(trace(densenet(), 64, [96, 96], 'train').graph, trained.layout, undefined, {
    precision,
    target,
    tree: { leaves, ranks: 1 },
  });
  const network = { ...trained, programs: new Map([...trained.programs, ['last', last]]) };
  const session = await engine.open(network);
  for (const name of network.state.keys()) session.write(name, tensorOf(file, `before.${name}`));
  const loader = new Loader(train, { size: [96, 96], batch: 64 });
  const order = loader.order();
  const found: { readonly loss: number; readonly right: number }[] = [];
  for (let step = 0; step < steps; step++) {
    const { images, labels } = loader.batch(order, step);
    const program = step < steps - 1 ? 'train' : 'last';
    const outputs = await session.run(program, { images, labels }, { learningRate: 0.1 });
    found.push({ loss: outputs.get('loss')![0]!, right: outputs.get('correct')![0]! });
  }
  await engine.close();
  return found;
}

/** All twelve steps on the default engine; on the best WASM kernels the first four, where these differ visibly. */
const CASES = ENGINES.filter(({ name }) => [BEST, 'wasm relaxed-simd'].includes(name)).map((engine) => {
  const timeout = 300_000;
  // Its sums have no leaves. SwiftShader takes minutes for a step.
  if (engine.name === 'webgpu') return { ...engine, steps: 12, orders: [16], timeout: 3_600_000 };
  return engine.name === BEST
    ? { ...engine, steps: 12, orders: LEAVES, timeout }
    : { ...engine, steps: 4, orders: [16], timeout };
});

describe.each(CASES)(
  "the notes' network learns as PyTorch's does on $name",
  ({ open, steps, orders, timeout }) => {
    const what = `the first ${steps} losses, batch 64, images in the order of the file`;
    test(what, { timeout }, async () => {
      const found = await meanLosses(open, steps, 'f32', orders);
      found.forEach(({ loss }, step) => {
        expect(Math.abs(loss / losses[step]! - 1), `loss of step ${step + 1}`).toBeLessThan(bound(step));
      });
      expect(found[0]!.right).toBe(right[0]);
    });
  },
);

describe.each(CASES.filter(({ name }) => /native (avx|amx)|neon|relaxed/.test(name)))(
  'with feature maps in bfloat16 it learns so too on $name',
  ({ open, steps }) => {
    test(`the first ${steps} losses`, async () => {
      const found = await meanLosses(open, steps, 'bf16', [16]);
      found.forEach(({ loss }, step) => {
        const limit = bound(step) + storage;
        expect(Math.abs(loss / losses[step]! - 1), `loss of step ${step + 1}`).toBeLessThan(limit);
      });
    }, 300_000);
  },
);
