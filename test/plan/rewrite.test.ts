import { describe, expect, test } from 'vitest';
import { stateOf } from '../../src/compile.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { type DifferentiateRequest, differentiate } from '../../src/graph/autodiff/differentiate.ts';
import type { Graph, Op } from '../../src/graph/op.ts';
import { traceModule } from '../../src/model/trace.ts';
import { commutePooling } from '../../src/plan/rewrite/commute-pooling.ts';
import { fuseDropout } from '../../src/plan/rewrite/fuse-dropout.ts';
import { fuseMaxPool } from '../../src/plan/rewrite/fuse-max-pool.ts';
import { fusePrologues } from '../../src/plan/rewrite/fuse-prologues.ts';
import { shareStatistics } from '../../src/plan/rewrite/share-statistics.ts';
import { CASES, WITHOUT_STRIPS } from '../conformance/cases.ts';
import { errors } from '../support/compare.ts';
import { moduleCase, runModuleCase } from '../support/module-run.ts';

type Pass = (graph: Graph, gradient: DifferentiateRequest) => Graph;
const PASSES: readonly (readonly [string, Pass])[] = [
  ['share-statistics', shareStatistics],
  ['commute-pooling', commutePooling],
  ['fuse-prologues', fusePrologues],
  ['fuse-dropout', fuseDropout],
  ['fuse-max-pool', (graph, gradient) => fuseMaxPool(fusePrologues(graph), gradient)],
  [
    'all',
    (graph, gradient) =>
      fuseMaxPool(fuseDropout(fusePrologues(commutePooling(shareStatistics(graph)))), gradient),
  ],
];

describe.each(PASSES)('%s changes no value and no gradient of', (_, pass) => {
  test.each(WITHOUT_STRIPS.map((each, i) => ({ ...each, seed: 3000 + i })))('$name', async (each) => {
    const plain = moduleCase(each.module, each.input, each.seed, each);
    const { graph } = traceModule(each.module, each.input, each.mode ?? 'train');
    const parameters = [...stateOf(graph)]
      .filter(([, { role }]) => role === 'parameter')
      .map(([name]) => name);
    const gradient = { of: 'y', withRespectTo: each.inputIsData ? parameters : ['x', ...parameters] };
    const rewritten = differentiate(pass(graph, gradient), gradient);
    const step = { ...plain.network.programs.get('step')!, graph: rewritten };
    const changed = { ...plain, network: { ...plain.network, programs: new Map([['step', step]]) } };
    const engine = createReferenceEngine();
    const [got, want] = [await runModuleCase(engine, changed), await runModuleCase(engine, plain)];
    for (const [name, error] of errors(got, want)) expect(error, name).toBeLessThan(1e-11);
  });
});

test('fuse-max-pool fuses every stem whose input is data, and none whose input needs a gradient', () => {
  for (const { name, module, input, mode = 'train', inputIsData } of CASES) {
    if (!name.startsWith('stem')) continue;
    const { graph } = traceModule(module, input, mode);
    const parameters = [...stateOf(graph)].flatMap(([each, { role }]) =>
      role === 'parameter' ? [each] : [],
    );
    const gradient = { of: 'y', withRespectTo: inputIsData ? parameters : ['x', ...parameters] };
    const fused = fuseMaxPool(fusePrologues(graph), gradient);
    expect(fused.ops.filter(({ kind }) => kind === 'conv2dMaxPool').length, name).toBe(inputIsData ? 1 : 0);
  }
});

describe('on a dense block with a transition', () => {
  const graph = traceModule(
    CASES.find(({ name }) => name === 'dense blocks, transition, head')!.module,
    [3, 2, 17, 15],
    'train',
  ).graph;
  const count = (of: Graph, kind: Op['kind']) => of.ops.filter((op) => op.kind === kind).length;

  test('share-statistics computes statistics once per feature instead of once per consumer', () => {
    // Consumers: 2 layers, transition, layer, head. Features: stem, 2 layers, transition, layer.
    const elements = (of: Graph) =>
      of.ops
        .filter((op) => op.kind === 'statistics')
        .reduce((sum, op) => sum + of.values[op.x]!.shape.reduce((a, b) => a * b, 1), 0);
    expect(elements(shareStatistics(graph))).toBeLessThan(elements(graph));
  });

  test('fuse-prologues leaves no batch norm and no ReLU behind', () => {
    const fused = fusePrologues(graph);
    expect(count(fused, 'batchNorm')).toBe(0);
    expect(count(fused, 'relu')).toBe(0);
  });

  test('commute-pooling makes the 1×1 convolution four times smaller', () => {
    const pointwise = (of: Graph) => of.ops.find((op) => op.kind === 'conv2d' && op.kernel[0] === 1)!;
    const pixels = (of: Graph) => of.values[pointwise(of).outputs[0]!]!.shape.slice(2);
    expect([pixels(graph), pixels(commutePooling(graph))]).toEqual([
      [8, 7],
      [4, 3],
    ]);
  });
});
