import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Engine, Outputs, Session } from '../../src/engine/engine.ts';
import type { UpdateRule } from '../../src/graph/optimizer.ts';
import {
  batchNorm,
  conv2d,
  flatten,
  globalAvgPool,
  linear,
  maxPool,
  relu,
  sequential,
} from '../../src/model/module.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { programsFor, stepParts } from '../../src/train/programs.ts';
import { runStep } from '../../src/train/step.ts';
import { errors, relativeError } from '../support/compare.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { channelsLast, golden, tensorOf } from '../support/golden.ts';

const file = golden('micro_batches');
const sizes = JSON.parse(file.metadata.get('sizes')!) as readonly (readonly number[])[];
const labelSmoothing = Number(file.metadata.get('smoothing'));
const rates = tensorOf(file, 'rates');
const rules = ['sgd', 'adamw'].map(
  (name) => [name, JSON.parse(file.metadata.get(name)!) as UpdateRule] as const,
);

const stem = [conv2d(6, 3, { padding: 1, bias: false }), batchNorm(), relu(), maxPool(2)];
const head = [globalAvgPool(), flatten(), linear(5)];
const root = sequential([...stem, conv2d(8, 3, { bias: false }), batchNorm(), relu(), ...head]);
const model = { name: 'small', channels: 2, classes: 5, root };
const microBatch = 4;

test('the file splits batches as training does', () => {
  for (const of of sizes) {
    const batch = of.reduce((sum, size) => sum + size, 0);
    expect(stepParts(batch, microBatch).map(({ images }) => images)).toEqual(of);
  }
});

describe.each([REFERENCE, ...ENGINES])(
  "on $name are PyTorch's numbers of a loop over micro-batches:",
  ({ name, open }) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(() => engine.close());
    const bound = name === 'reference' ? 3e-7 : 2e-5;

    test.each(rules)('%s, clipped, with weight decay', async (rule, update) => {
      const programs = programsFor('train', { count: 15, batch: 10, microBatch });
      const { network } = compile(model, [8, 8], programs, { update, labelSmoothing });
      const session = await engine.open(network);
      let outputs: Outputs = new Map(); // Outputs of the last part.
      const told: Session = {
        read: (key) => session.read(key),
        write: (key, numbers) => session.write(key, numbers),
        close: () => session.close(),
        run: async (...call) => {
          outputs = await session.run(...call);
          return outputs;
        },
      };
      for (const [key, { shape, role }] of network.state) {
        const start =
          role === 'optimizer' ? new Float64Array(elementCount(shape)) : tensorOf(file, `first.${key}`);
        session.write(key, start);
      }
      for (let i = 0; i < sizes.length; i++) {
        const images = Float32Array.from(channelsLast(file, `images.${i}`));
        const labels = Int32Array.from(tensorOf(file, `labels.${i}`));
        const scalars = { learningRate: rates[i]!, step: i + 1 };
        const { loss, correct } = await runStep(
          { session: told, network, microBatch },
          { size: labels.length, images, labels },
          scalars,
        );
        const [wantLoss, wantCorrect, wantNorm] = tensorOf(file, `${rule}.${i}.told`) as unknown as number[];
        expect(relativeError([loss], [wantLoss!]), `loss of step ${i + 1}`).toBeLessThan(bound);
        expect(correct).toBe(wantCorrect);
        const norm = outputs.get('gradientNorm')!;
        expect(relativeError(norm, [wantNorm!]), `norm of step ${i + 1}`).toBeLessThan(bound);
        expect(wantNorm).toBeGreaterThan(update.clipNorm!);

        const [want, got] = [new Map<string, Float64Array>(), new Map<string, Float32Array | Float64Array>()];
        for (const [key, { role }] of network.state) {
          if (role === 'optimizer') continue;
          for (const tensor of role === 'parameter' ? [`grad.${key}`, `after.${key}`] : [`after.${key}`]) {
            want.set(tensor, tensorOf(file, `${rule}.${i}.${tensor}`));
            got.set(tensor, await session.read(tensor.replace('after.', '')));
          }
        }
        for (const [tensor, error] of errors(got, want)) {
          expect(error, `${tensor} of step ${i + 1}`).toBeLessThan(bound);
        }
      }
      await session.close();
    });
  },
);
