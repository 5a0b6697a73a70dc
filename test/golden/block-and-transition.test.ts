import { describe, expect, test } from 'vitest';
import { compileGraph, stateOf } from '../../src/compile.ts';
import { denseLayer, transition } from '../../src/model/densenet.ts';
import { denseBlock, type SequentialModule } from '../../src/model/module.ts';
import { traceModule } from '../../src/model/trace.ts';
import { layOutState } from '../../src/plan/plan.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import { relativeError } from '../support/compare.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { channelsLast, golden, tensorOf } from '../support/golden.ts';

const file = golden('block_and_transition');
const block = denseBlock([denseLayer(10), denseLayer(10)]);

/** Runs a module forward and backward with the loss Σy², that is, the gradient 2·y. */
async function squares(open: (typeof ENGINES)[number]['open'], module: SequentialModule) {
  const { graph } = traceModule(module, [4, 3, 8, 8], 'train');
  const state = stateOf(graph);
  const layout = layOutState(state, true, cpuTarget());
  const parameters = [...state].filter(([, { role }]) => role === 'parameter').map(([name]) => name);
  const program = compileGraph(graph, layout, { of: 'y', withRespectTo: ['x', ...parameters] });
  const engine = await open();
  const session = await engine.open({ state, layout, programs: new Map([['step', program]]) });
  const x = channelsLast(file, 'x');
  for (const name of state.keys()) session.write(name, tensorOf(file, name));
  const shape = graph.values[graph.outputs.get('y')!]!.shape;
  const nothing = new Float64Array(shape.reduce((a, b) => a * b, 1));
  const y = (await session.run('step', { x, seed: nothing })).get('y')!;
  const gradX = (await session.run('step', { x, seed: y.map((value) => 2 * value) })).get('grad.x')!;
  const gradients = new Map<string, ArrayLike<number>>();
  for (const name of parameters) gradients.set(name, await session.read(`grad.${name}`));
  await engine.close();
  return { y, gradX, gradients };
}

describe.each([REFERENCE, ...ENGINES])("the notes' two shape checks on $name", ({ name: engine, open }) => {
  const bound = engine === 'reference' ? 2e-6 : 1e-5;

  test('DenseBlock(2, 3, 10): 4×3×8×8 → 4×23×8×8, every value', async () => {
    const { y } = await squares(open, { kind: 'sequential', children: [['block', block]] });
    expect(file.tensors.get('block_out')!.shape).toEqual([4, 23, 8, 8]);
    expect(relativeError(y, channelsLast(file, 'block_out'))).toBeLessThan(bound);
  });

  test('transition_block(23, 10) after it: 4×10×4×4, every value and gradient', async () => {
    const children = [
      ['block', block],
      ['transition', transition(10)],
    ] as const;
    const { y, gradX, gradients } = await squares(open, { kind: 'sequential', children });
    expect(relativeError(y, channelsLast(file, 'transition_out'))).toBeLessThan(bound);
    expect(relativeError(gradX, channelsLast(file, 'grad_x'))).toBeLessThan(bound);
    const scale = (name: string) => {
      const layer = name.slice(0, name.lastIndexOf('.'));
      const tensors = ['weight', 'bias'].flatMap((kind) => [...tensorOf(file, `grad.${layer}.${kind}`)]);
      return Math.max(...tensors.map(Math.abs));
    };
    for (const [name, gradient] of gradients) {
      expect(relativeError(gradient, tensorOf(file, `grad.${name}`), scale(name)), name).toBeLessThan(bound);
    }
  });
});
