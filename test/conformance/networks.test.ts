import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { everythingBut } from '../../src/model/freeze.ts';
import type { Model } from '../../src/model/module.ts';
import { resnet } from '../../src/model/resnet.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
import type { Target } from '../../src/plan/target.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import { errors } from '../support/compare.ts';
import { ENGINES, MISSING } from '../support/engines.ts';
import type { Results } from '../support/module-run.ts';
import { networkCase, runNetwork } from '../support/network-run.ts';
import { reductionLength, tolerance } from './tolerances.ts';

const bc = cifarDensenet({
  name: 'BC for CIFAR',
  depth: 16,
  growthRate: 6,
  bottleneckWidth: 4,
  compression: 0.5,
});
const torchvision = torchvisionDensenet({
  name: "torchvision's",
  blocks: [2, 3],
  growthRate: 5,
  stemChannels: 12,
  classes: 9,
});
const dropping = cifarDensenet({
  name: 'BC with dropout',
  depth: 16,
  growthRate: 6,
  bottleneckWidth: 4,
  compression: 0.5,
  dropout: 0.2,
});
const residual = resnet({ name: "d2l's ResNet", stages: [8, 11, 19], residuals: 2 });
const plain = cifarDensenet({ name: 'plain for CIFAR', depth: 10, growthRate: 7 });

const FEATURES = ['features', 'block 1', 'block 2'];
const step =
  (model: Model, batch: number, size: readonly [number, number], frozen: readonly string[] = []) =>
  (target: Target) =>
    compile(
      model,
      size,
      {
        train: { batch, mode: 'train', frozen },
        evaluate: { batch, mode: 'evaluate', outputs: FEATURES },
      },
      { target },
    ).network;

const NETWORKS = [
  [bc.name, step(bc, 5, [13, 11])],
  [plain.name, step(plain, 3, [9, 12])],
  [dropping.name, step(dropping, 5, [13, 11])],
  [torchvision.name, step(torchvision, 4, [37, 34])],
  [residual.name, step(residual, 4, [38, 33])],
  ['a head on frozen layers', step(torchvision, 4, [37, 34], everythingBut(torchvision, 'classifier'))],
  [
    'frozen layers between trained ones',
    step(
      torchvision,
      4,
      [37, 34],
      ['features.denseblock1.denselayer2', 'features.denseblock2', 'features.norm5'],
    ),
  ],
  ['a frozen stage of a ResNet', step(residual, 4, [38, 33], ['0', '1', '2.0'])],
] as const;

const cases = NETWORKS.map(([name, networkFor], i) => ({
  name,
  networkFor,
  ...networkCase(networkFor(cpuTarget()), 300 + i),
}));
const truths = new Map<string, Promise<Results>>();
const truth = (each: (typeof cases)[number], program: string) => {
  const key = `${each.name} ${program}`;
  const known = truths.get(key) ?? runNetwork(createReferenceEngine(), each, program);
  truths.set(key, known);
  return known;
};

describe.each(ENGINES)('$name agrees with reference on a whole network:', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  test.each(cases)('$name, a training step and an evaluation', async (each) => {
    const limit = tolerance(reductionLength(each.network));
    for (const program of ['train', 'evaluate']) {
      const want = await truth(each, program);
      const got = await runNetwork(engine, each, program);
      expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
      for (const [name, error] of errors(got, want)) expect(error, `${program} ${name}`).toBeLessThan(limit);
    }
  });
});

// Unavailable instruction sets are reported as skipped, not passed.
test.skip.each(MISSING)('%s agrees with reference', () => {});
