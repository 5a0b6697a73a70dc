import { describe, expect, test } from 'vitest';
import { compile, compileGraph, stateOf } from '../../src/compile.ts';
import { batchNorm, conv2d, identity, relu, sequential, sum } from '../../src/model/module.ts';
import { resnet } from '../../src/model/resnet.ts';
import { traceModule } from '../../src/model/trace.ts';
import { layOutState, type Plan } from '../../src/plan/plan.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';

const of = (plan: Plan, kind: string, layer: RegExp) =>
  plan.records.filter((each) => each.record.kind === kind && layer.test(each.op.layer.label));

describe("the plan of a residual network's step", () => {
  const { network } = compile(resnet({ stages: [16, 32], residuals: 2 }), [40, 40], {
    train: { batch: 8, mode: 'train' },
  });
  const { plan } = network.programs.get('train')!;

  test('adds the shortcut to the branch in place, and copies neither', () => {
    const sums = of(plan, 'elementwise', /sum\)/);
    expect(sums).toHaveLength(4);
    for (const { record } of sums) expect('accumulate' in record && record.accumulate).toBe(1);
    // In addition: the last batch norm of a branch, and the ReLU of a sum with several consumers.
    expect(of(plan, 'elementwise', /./)).toHaveLength(4 + 4 + 3);
  });

  test('passes the gradient of a sum to both of its branches unchanged', () => {
    expect(of(plan, 'elementwiseGradInput', /sum\)/)).toEqual([]);
  });
});

test('the statistics of a sum are computed while it is added', () => {
  const residual = sum([
    ['a', sequential([batchNorm(), relu(), conv2d(6, 3, { padding: 1 })])],
    ['b', identity()],
  ]);
  const { graph } = traceModule(
    sequential([relu(), residual, batchNorm(), relu(), conv2d(4, 1)]),
    [3, 6, 5, 5],
    'train',
  );
  const { plan } = compileGraph(graph, layOutState(stateOf(graph), false, cpuTarget()));
  expect(of(plan, 'statistics', /./)).toEqual([]);
  expect(of(plan, 'finalizeStatistics', /./)).toHaveLength(2);
});
