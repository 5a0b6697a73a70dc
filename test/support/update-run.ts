import { GraphBuilder } from '../../src/graph/build.ts';
import { optimizerState, type UpdateRule, withOptimizer } from '../../src/graph/optimizer.ts';
import type { CompiledNetwork, StateTensor } from '../../src/plan/compiled-network.ts';
import { createPlan, layOutState } from '../../src/plan/plan.ts';
import type { Target } from '../../src/plan/target.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import type { Shape } from '../../src/tensor/shape.ts';

/**
 * A network with only an update: parameters of these shapes, whose gradients are inputs `grad.NAME` of the program
 * `step`. Its other output is `gradientNorm`, if the rule clips.
 */
export function updateNetwork(
  shapes: Readonly<Record<string, Shape>>,
  rule: UpdateRule,
  target: Target = cpuTarget(),
): CompiledNetwork {
  const builder = new GraphBuilder();
  for (const [name, shape] of Object.entries(shapes)) builder.state(name, shape, 'parameter');
  for (const [name, shape] of Object.entries(shapes)) {
    builder.output(`grad.${name}`, builder.input(`grad.${name}`, shape));
  }
  const state = new Map<string, StateTensor>();
  for (const [name, shape] of Object.entries(shapes)) state.set(name, { role: 'parameter', shape });
  for (const [name, shape] of optimizerState(new Map(state), rule, new Set(state.keys()))) {
    state.set(name, { role: 'optimizer', shape });
  }
  const { encode } = target;
  const layout = layOutState(state, true, target);
  const graph = withOptimizer(builder.build(), rule);
  const plan = createPlan(graph, layout, { target });
  const step = {
    graph,
    plan,
    program: encode(plan.buffers, plan.records),
    prepare: encode(plan.buffers, plan.prepare),
  };
  return { state, layout, programs: new Map([['step', step]]) };
}
