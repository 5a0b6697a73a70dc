import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileGraph, stateOf } from '../../src/compile.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { denseLayer } from '../../src/model/densenet.ts';
import { batchNorm, denseBlock, type Module, relu, sequential } from '../../src/model/module.ts';
import { traceModule } from '../../src/model/trace.ts';
import { layOutState } from '../../src/plan/plan.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import { elementCount, type Shape } from '../../src/tensor/shape.ts';
import { tolerance } from '../conformance/tolerances.ts';
import { errors } from '../support/compare.ts';
import { ENGINES, MISSING } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';
import { three } from '../support/modules.ts';

/** Maps with at least nine 4×4 tiles, most of which extend beyond the map. */
const CASES: readonly (readonly [name: string, module: Module, input: Shape])[] = [
  ['as many channels as a vector has, whole tiles', three(16), [1, 16, 12, 12]],
  ['channels beyond a vector, tiles that reach out of the map', three(23, false), [3, 17, 9, 13]],
  [
    'outputs beyond a panel, folded batch norm and ReLU',
    sequential([three(70), batchNorm(), relu()]),
    [5, 40, 10, 11],
  ],
  ['a batch norm and a ReLU on the way in', sequential([batchNorm(), relu(), three(12)]), [2, 33, 11, 18]],
  ['256 channels, whose pixels would share sets of a cache', three(33), [2, 256, 9, 9]],
  ['slices of the buffer of a dense block', denseBlock([denseLayer(12), denseLayer(20)]), [3, 16, 18, 14]],
];

const prepared = CASES.map(([name, module, shape], i) => {
  const { graph } = traceModule(module, shape, 'evaluate');
  const state = stateOf(graph);
  const program = compileGraph(graph, layOutState(state, false, cpuTarget()));
  const network = {
    state,
    layout: layOutState(state, false, cpuTarget()),
    programs: new Map([['it', program]]),
  };
  const random = numbers(500 + i);
  // Variances are positive.
  const filled = [...state].map(([key, tensor]) => {
    const low = key.endsWith('running_var') ? 0.5 : -0.7;
    return [
      key,
      Float32Array.from({ length: elementCount(tensor.shape) }, () => low + random() * 1.4),
    ] as const;
  });
  const x = Float32Array.from({ length: elementCount(shape) }, () => random() * 2 - 0.7);
  return { name, shape, program, network, state: filled, x };
});

async function outputs(engine: Engine, { network, state, x }: (typeof prepared)[number]) {
  const session = await engine.open(network);
  for (const [name, data] of state) session.write(name, data);
  return session.run('it', { x });
}

test.each(prepared)('is planned for $name', ({ program: { plan } }) => {
  const kinds = new Set([...plan.prepare, ...plan.records].map(({ record }) => record.kind));
  expect(kinds).toContain('winogradWeights');
  expect(kinds).toContain('winograd');
  expect(kinds).not.toContain('conv2d');
});

describe.each(ENGINES)('Winograd on $name agrees with reference on', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open(2);
  });
  afterAll(() => engine.close());

  test.each(prepared)('$name', async (each) => {
    const [want, got] = [await outputs(createReferenceEngine(), each), await outputs(engine, each)];
    const limit = tolerance(9 * each.shape[1]!);
    for (const [name, error] of errors(got, want)) expect(error, name).toBeLessThan(limit);
  });
});

// Unavailable instruction sets are reported as skipped, not passed.
test.skip.each(MISSING)('%s agrees with reference', () => {});
