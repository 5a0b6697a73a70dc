import { compileGraph, stateOf } from '../../src/compile.ts';
import type { Group } from '../../src/distributed/group.ts';
import { NO_GROUP } from '../../src/distributed/none.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Module } from '../../src/model/module.ts';
import { type Mode, traceModule } from '../../src/model/trace.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { layOutState } from '../../src/plan/plan.ts';
import type { Target } from '../../src/plan/target.ts';
import { cpuTarget, productsOf } from '../../src/target/cpu/target.ts';
import type { Precision } from '../../src/tensor/precision.ts';
import { elementCount, type Shape } from '../../src/tensor/shape.ts';

/**
 * All results of a module's forward and backward pass, by name: `y`, `grad.x`, `grad.NAME`, running statistics.
 */
export type Results = ReadonlyMap<string, Float32Array | Float64Array>;

/** A compiled module with its state and inputs, the same for all engines. */
export interface ModuleCase {
  /** Compiled for any processor. */
  readonly network: CompiledNetwork;
  /** Compiled for the target of an engine. */
  networkFor(target: Target): CompiledNetwork;
  readonly state: ReadonlyMap<string, Float32Array | Float64Array>;
  readonly inputs: { readonly x: Float32Array | Float64Array; readonly seed?: Float32Array | Float64Array };
}

export interface ModuleOptions {
  readonly mode?: Mode;
  /** No gradient of `x` is requested; required for fusing a convolution with its max pool. */
  readonly inputIsData?: boolean;
  /** γ of the channels of every batch norm, repeated; random if missing. */
  readonly gamma?: readonly number[];
  readonly precision?: Precision;
  /** False: all convolutions are direct. */
  readonly winograd?: boolean;
  /** Number of ranks: the program is the share of one; `inputShape` has the images of all. */
  readonly ranks?: number;
}

/** Compiles a module with all gradients; fills state and inputs from the seed. */
export function moduleCase(
  module: Module,
  inputShape: Shape,
  seed: number,
  { mode = 'train', inputIsData = false, gamma, precision = 'f32', winograd, ranks = 1 }: ModuleOptions = {},
): ModuleCase {
  const [images, ...rest] = inputShape;
  const { graph } = traceModule(module, [images! / ranks, ...rest], mode);
  const state = stateOf(graph);
  const parameters = [...state].filter(([, { role }]) => role === 'parameter').map(([name]) => name);
  const withRespectTo = inputIsData ? parameters : ['x', ...parameters];
  const tree = { leaves: 16, ranks };
  const networkFor = (wanted: Target) => {
    const products = productsOf(wanted);
    const target =
      products === undefined ? wanted : cpuTarget({ products, ...(winograd !== undefined && { winograd }) });
    const layout = layOutState(state, true, target);
    const program = compileGraph(graph, layout, { of: 'y', withRespectTo }, { precision, target, tree });
    return { state, layout, programs: new Map([['step', program]]) };
  };
  const random = numbers(seed);
  const filled = [...state].map(
    ([name, { shape }]) => [name, fill(name, elementCount(shape), random)] as const,
  );
  for (const [name, data] of filled) {
    if (gamma && name.endsWith('weight') && state.get(name)!.shape.length === 1) {
      data.forEach((_, c) => {
        data[c] = gamma[c % gamma.length]!;
      });
    }
  }
  const outputShape = graph.values[graph.outputs.get('y')!]!.shape;
  return {
    network: networkFor(cpuTarget()),
    networkFor,
    state: new Map(filled),
    inputs: {
      x: new Float32Array(elementCount(inputShape)).map(() => random() * 2 - 0.7),
      seed: new Float32Array(ranks * elementCount(outputShape)).map(() => random() - 0.5),
    },
  };
}

/** Compiles a case for an engine, runs it once, and reads all results. */
export async function runModuleCase(
  engine: Engine,
  { network: plain, networkFor, state, inputs }: ModuleCase,
  group: Group = NO_GROUP,
): Promise<Results> {
  const network = productsOf(engine.target) === 'none' ? plain : networkFor(engine.target);
  const session = await engine.open(network, group);
  for (const [name, data] of state) session.write(name, data);
  const outputs = await session.run('step', {
    x: shareOf(inputs.x, group),
    ...(inputs.seed && { seed: shareOf(inputs.seed, group) }), // Only of programs with a gradient.
  });
  const results = new Map<string, Float32Array | Float64Array>();
  for (const name of network.programs.get('step')!.graph.outputs.keys()) {
    results.set(name, outputs.get(name) ?? (await session.read(name)));
  }
  for (const [name, { role }] of network.state) {
    if (role === 'buffer') results.set(name, await session.read(name));
  }
  await session.close();
  return results;
}

/** The images of a batch that belong to a rank. */
export function shareOf<T extends Float32Array | Float64Array | Int32Array>(
  numbers: T,
  { rank, size }: Group,
): T {
  const share = numbers.length / size;
  return numbers.subarray(rank * share, (rank + 1) * share) as T;
}

/** A small generator (mulberry32) for test numbers in [0, 1). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function fill(name: string, length: number, random: () => number): Float32Array {
  const positive = name.endsWith('running_var') || (name.endsWith('weight') && length < 64);
  return new Float32Array(length).map(() => (positive ? 0.5 + random() : random() - 0.5));
}
