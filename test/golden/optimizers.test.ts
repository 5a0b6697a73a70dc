import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileGraph, stateOf } from '../../src/compile.ts';
import type { Engine, Session } from '../../src/engine/engine.ts';
import { GraphBuilder } from '../../src/graph/build.ts';
import { layerWithoutModule } from '../../src/graph/layer.ts';
import { averagedName, PLAIN_SGD, type UpdateRule } from '../../src/graph/optimizer.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { layOutState } from '../../src/plan/plan.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { relativeError } from '../support/compare.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { golden, tensorOf } from '../support/golden.ts';
import { updateNetwork } from '../support/update-run.ts';

const file = golden('optimizers');
const NAMES = ['weight', 'bias', 'more'] as const;
const shapes = Object.fromEntries(NAMES.map((name) => [name, file.tensors.get(`first.${name}`)!.shape]));
const cases = [...file.metadata].map(
  ([name, text]) => ({ name, rule: JSON.parse(text) as UpdateRule }) as const,
);
const rates = tensorOf(file, 'rates');

/** Initializes parameters and their averages from the file, other optimizer state with zeros. */
function start(session: Session, network: CompiledNetwork): void {
  for (const [name, { shape }] of network.state) {
    const first = `first.${averagedName(name) ?? name}`;
    session.write(
      name,
      file.tensors.has(first) ? tensorOf(file, first) : new Float64Array(elementCount(shape)),
    );
  }
}

describe.each([REFERENCE, ...ENGINES])("on $name are PyTorch's numbers:", ({ name: engineName, open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());
  const bound = engineName === 'reference' ? 2e-7 : 2e-6;

  test.each(cases)('four steps of $name', async ({ name, rule }) => {
    const network = updateNetwork(shapes, rule, engine.target);
    const session = await engine.open(network);
    start(session, network);
    for (let i = 0; i < rates.length; i++) {
      const gradients = NAMES.map((each) => [`grad.${each}`, tensorOf(file, `gradient.${i}.${each}`)]);
      const scalars = { learningRate: rates[i]!, step: i + 1 };
      const outputs = await session.run('step', Object.fromEntries(gradients), scalars);
      for (const each of NAMES) {
        const want = tensorOf(file, `${name}.${i}.${each}`);
        const now = await session.read(each);
        expect(relativeError(now, want), `${each} after step ${i + 1}`).toBeLessThan(bound);
        if (rule.averageDecay === undefined) continue;
        const average = tensorOf(file, `${name}.${i}.average.${each}`);
        const got = await session.read(`optimizer.average.${each}`);
        expect(relativeError(got, average), `average of ${each} after step ${i + 1}`).toBeLessThan(bound);
      }
      if (rule.clipNorm !== undefined) {
        const norm = outputs.get('gradientNorm')!;
        expect(relativeError(norm, tensorOf(file, `${name}.${i}.norm`))).toBeLessThan(bound);
      }
    }
  });

  test.each([
    ['smoothing', 0],
    ['smoothing', 0.1],
    ['smoothing', 0.5],
    ['weighted', 0],
    ['weighted', 0.1],
    ['weighted', 0.5],
  ])('cross-entropy and its gradient: %s, labels smoothed by %d', async (kind, smoothing) => {
    const isWeighted = kind === 'weighted';
    const builder = new GraphBuilder();
    const logits = builder.input('logits', [6, 5]);
    const labels = builder.input('labels', [6]);
    const at = { layer: layerWithoutModule('loss'), phase: 'forward' } as const;
    const weights = isWeighted ? { imageWeights: builder.input('imageWeights', [6]) } : {};
    const [loss] = builder.add({ kind: 'crossEntropy', ...at, logits, labels, smoothing, ...weights });
    builder.output('loss', loss!);
    const graph = builder.build();
    const state = stateOf(graph);
    const { target } = engine;
    const layout = layOutState(state, true, target);
    const program = compileGraph(graph, layout, { of: 'loss', withRespectTo: ['logits'] }, { target });
    const session = await engine.open({ state, layout, programs: new Map([['step', program]]) });
    const outputs = await session.run('step', {
      logits: tensorOf(file, 'logits'),
      labels: Int32Array.from(tensorOf(file, 'labels')),
      ...(isWeighted && { imageWeights: Float32Array.from(tensorOf(file, 'imageWeights')) }),
    });
    const key = `${kind}.${smoothing === 0 ? '0.0' : smoothing}`;
    expect(relativeError(outputs.get('loss')!, tensorOf(file, `${key}.loss`))).toBeLessThan(bound);
    expect(relativeError(outputs.get('grad.logits')!, tensorOf(file, `${key}.grad`))).toBeLessThan(bound);
  });
});

test('the cases differ from one another, and from plain SGD', () => {
  const ends = cases.map(({ name }) => [...tensorOf(file, `${name}.3.weight`)].join());
  expect(new Set(ends).size).toBe(cases.length - 2); // not_clipped is plain, and average follows momentum.
  expect(cases.find(({ name }) => name === 'plain')!.rule).toEqual({
    optimizer: { ...PLAIN_SGD.optimizer, decayed: 'all' },
  });
});
