import { describe, expect, test } from 'vitest';
import { compile, compileGraph } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { type Model, namedSequential } from '../../src/model/module.ts';
import { resnet } from '../../src/model/resnet.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
import { traceModule } from '../../src/model/trace.ts';
import { relativeError } from '../support/compare.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';
import { networkCase } from '../support/network-run.ts';

const BATCH = 3;
const SIZE = [35, 38] as const;
const ASKED = ['features', 'block 2', 'block 1'];
/** Models, with the number of layers before block 1, block 2 and the features. */
const MODELS: readonly (readonly [Model, Readonly<Record<string, number>>])[] = [
  [densenet({ blocks: [2, 2], growthRate: 7, stem: 10 }), { 'block 1': 2, 'block 2': 4, features: 6 }],
  [
    torchvisionDensenet({ blocks: [2, 1], growthRate: 5, stemChannels: 12, classes: 6 }),
    { 'block 1': 5, 'block 2': 7, features: 9 },
  ],
  [resnet({ stages: [6, 9], residuals: 1 }), { 'block 1': 2, 'block 2': 3, features: 3 }],
];
const cases = MODELS.map(([model, layers], i) => {
  const { network } = compile(model, SIZE, {
    evaluate: { batch: BATCH, mode: 'evaluate', outputs: ASKED },
    plain: { batch: BATCH, mode: 'evaluate' },
  });
  return { name: model.name, model, layers, ...networkCase(network, 40 + i) };
});

describe.each([REFERENCE, ...ENGINES])('feature maps on $name', ({ open }) => {
  test.each(cases)(
    'of $name are what its layers up to there give',
    async ({ model, layers, network, state }) => {
      const random = numbers(9);
      const count = BATCH * model.channels * SIZE[0] * SIZE[1];
      const images = Float32Array.from({ length: count }, () => random() - 0.4);
      const labels = new Int32Array(BATCH);

      const engine = await open();
      const session = await engine.open(network);
      for (const [name, data] of state) session.write(name, data);
      const outputs = await session.run('evaluate', { images, labels });
      const plain = await session.run('plain', { images, labels });
      expect(relativeError(outputs.get('logits')!, plain.get('logits')!)).toBeLessThan(1e-6);

      for (const name of ASKED) {
        const part = namedSequential(model.root.children.slice(0, layers[name]));
        const { graph } = traceModule(part, [BATCH, model.channels, ...SIZE], 'evaluate');
        const programs = new Map([['part', compileGraph(graph, network.layout)]]);
        const alone = await engine.open({ ...network, programs });
        for (const [tensor, data] of state) alone.write(tensor, data);
        const ofPart = await alone.run('part', { x: images });
        expect(relativeError(outputs.get(name)!, ofPart.get('y')!), name).toBeLessThan(1e-6);
        await alone.close();
      }
      await engine.close();
    },
  );
});

test('unknown features are refused with the list of available ones', () => {
  const model = densenet({ blocks: [1, 1] });
  expect(() => compile(model, [64, 64], { a: { batch: 1, mode: 'evaluate', outputs: ['block 3'] } })).toThrow(
    /no features block 3: there are block 1, block 2, features/,
  );
});
