import { describe, expect, test } from 'vitest';
import { compile, compileGraph } from '../../src/compile.ts';
import type { Session } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import type { Graph } from '../../src/graph/op.ts';
import { densenet } from '../../src/model/densenet.ts';
import { trace, traceModule } from '../../src/model/trace.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { CASES } from '../conformance/cases.ts';
import { largest } from '../support/compare.ts';
import { moduleCase, numbers } from '../support/module-run.ts';

const STEP = 1e-6;
/** Number of elements of each tensor that are tested. */
const SAMPLES = 3;
/** Excludes γ = 0, where a max pool is not differentiable because all values of a window tie. */
const SMOOTH = CASES.filter(({ gamma }) => !gamma?.includes(0));

/** Compares (f(v + h) − f(v − h)) / 2h with the gradient for a few elements of a tensor. */
async function check(
  values: Float64Array,
  gradient: ArrayLike<number>,
  scale: number,
  f: (values: Float64Array) => Promise<number>,
  what: string,
) {
  const random = numbers(values.length);
  for (let sample = 0; sample < Math.min(SAMPLES, values.length); sample++) {
    const i = Math.floor(random() * values.length);
    const moved = async (by: number) => f(values.with(i, values[i]! + by));
    const numeric = ((await moved(STEP)) - (await moved(-STEP))) / (2 * STEP);
    expect(Math.abs(numeric - gradient[i]!) / scale, `${what}[${i}]`).toBeLessThan(1e-6);
  }
}

/** The network with only its forward pass as a program, because perturbed values need no gradients. */
function withForward(network: CompiledNetwork, graph: Graph): CompiledNetwork {
  const forward = compileGraph(graph, network.layout);
  return { ...network, programs: new Map([...network.programs, ['forward', forward]]) };
}

describe('in float64 every gradient is the slope of', () => {
  test.each(SMOOTH.map((each, i) => ({ ...each, seed: 2000 + i })))('$name', async (each) => {
    const { network: whole, state, inputs } = moduleCase(each.module, each.input, each.seed, each);
    const network = withForward(whole, traceModule(each.module, each.input, each.mode ?? 'train').graph);
    const x = Float64Array.from(inputs.x);
    const write = (session: Session, changed?: string, values?: Float64Array) => {
      for (const [name, data] of state) session.write(name, name === changed ? values! : data);
    };
    const f = async (changed: string, values: Float64Array) => {
      const session = await createReferenceEngine().open(network);
      write(session, changed, values);
      const outputs = await session.run('forward', { x: changed === 'x' ? values : x });
      return Float64Array.from(outputs.get('y')!).reduce((sum, y, i) => sum + y * inputs.seed![i]!, 0);
    };
    const session = await createReferenceEngine().open(network);
    write(session);
    const outputs = await session.run('step', { ...inputs, x });
    const gradients = new Map<string, ArrayLike<number>>();
    if (!each.inputIsData) gradients.set('x', outputs.get('grad.x')!);
    for (const [name, { role }] of network.state) {
      if (role === 'parameter') gradients.set(name, await session.read(`grad.${name}`));
    }
    const scale = Math.max(1, ...[...gradients.values()].map(largest));
    for (const [name, gradient] of gradients) {
      const values = name === 'x' ? x : Float64Array.from(state.get(name)!);
      await check(values, gradient, scale, (moved) => f(name, moved), name);
    }
  });

  test('the mean cross-entropy of a network', async () => {
    const model = densenet({ blocks: [1, 1], growthRate: 3, stem: 4, classes: 5 });
    const { network: whole } = compile(model, [17, 16], { train: { batch: 3, mode: 'train' } });
    const network = withForward(whole, trace(model, 3, [17, 16], 'train').graph);
    const random = numbers(7);
    const images = Float64Array.from({ length: 3 * 17 * 16 }, random);
    const labels = Int32Array.of(4, 0, 2);
    const state = new Map(
      [...network.state].map(([name, { shape }]) => [
        name,
        Float64Array.from(
          { length: shape.reduce((a, b) => a * b, 1) },
          () => random() - (shape.length > 1 ? 0.5 : 0),
        ),
      ]),
    );
    const opened = async (changed?: string, values?: Float64Array) => {
      const session = await createReferenceEngine().open(network);
      for (const [name, data] of state) session.write(name, name === changed ? values! : data);
      return session;
    };
    const session = await opened();
    await session.run('train', { images, labels }, { learningRate: 0 });
    for (const [name, { role }] of network.state) {
      if (role !== 'parameter') continue;
      const loss = async (moved: Float64Array) => {
        const outputs = await (await opened(name, moved)).run('forward', { images, labels });
        return outputs.get('loss')![0]!;
      };
      await check(state.get(name)!, await session.read(`grad.${name}`), 1, loss, name);
    }
  });
});
