import type { Engine } from '../../src/engine/engine.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import type { Target } from '../../src/plan/target.ts';
import { productsOf } from '../../src/target/cpu/target.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { numbers, type Results } from './module-run.ts';

/** A compiled network with its state and inputs, the same for all engines. */
export interface NetworkCase {
  readonly network: CompiledNetwork;
  /** The same for an engine's target; absent: only for processors. */
  readonly networkFor?: (target: Target) => CompiledNetwork;
  readonly state: ReadonlyMap<string, Float32Array>;
}

/** Fills the state of a network from the seed: weights with the variance of He et al., batch norms not 1 and 0. */
export function networkCase(network: CompiledNetwork, seed: number): NetworkCase {
  const random = numbers(seed);
  const state = [...network.state].map(([name, { shape }]) => {
    const fanIn = elementCount(shape.slice(1));
    const scale = shape.length > 1 ? Math.sqrt(6 / fanIn) : 0.5;
    const middle = shape.length === 1 && !/(bias|running_mean)$/.test(name) ? 1 : 0;
    const data = Float32Array.from(
      { length: elementCount(shape) },
      () => middle + (2 * random() - 1) * scale,
    );
    return [name, data] as const;
  });
  return { network, state: new Map(state) };
}

/** Runs one program on random images and reads back outputs, `grad.NAME` and, as `after.NAME`, the whole state. */
export async function runNetwork(
  engine: Engine,
  { network: plain, networkFor, state }: NetworkCase,
  program: string,
  learningRate = 0.1,
): Promise<Results> {
  const network = productsOf(engine.target) === undefined && networkFor ? networkFor(engine.target) : plain;
  const { graph } = network.programs.get(program)!;
  const shapeOf = (name: string) => graph.values[graph.inputs.get(name)!]!.shape;
  const random = numbers(7);
  const images = new Float32Array(elementCount(shapeOf('images'))).map(() => 2 * random() - 0.8);
  const classes = graph.values[graph.outputs.get('logits')!]!.shape[1]!;
  const labels = Int32Array.from({ length: shapeOf('labels')[0]! }, (_, i) => (5 * i + 2) % classes);
  const session = await engine.open(network);
  for (const [name, data] of state) session.write(name, data);
  const outputs = await session.run(program, { images, labels }, { learningRate });
  const results = new Map<string, Float32Array | Float64Array>();
  for (const name of graph.outputs.keys()) {
    results.set(name, outputs.get(name) ?? (await session.read(name)));
  }
  for (const name of network.state.keys()) results.set(`after.${name}`, await session.read(name));
  await session.close();
  return results;
}
