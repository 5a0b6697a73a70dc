import type { Group } from '../../distributed/group.ts';
import type { Graph, Op, ValueId } from '../../graph/op.ts';
import { opInputs } from '../../graph/op.ts';
import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import { allFinite } from '../../tensor/finite.ts';
import { asFeatureMap, elementCount, type Shape } from '../../tensor/shape.ts';
import {
  type Input,
  isSource,
  NonFiniteError,
  type Numbers,
  type Outputs,
  type RunScalars,
  type Session,
} from '../engine.ts';
import { requireCount, requireInputs, requireProgram, requireScalars, requireTensor } from '../inputs.ts';
import { scalarsOfRank } from '../ranks.ts';
import { Frame } from './frame.ts';
import { runOp } from './run-op.ts';

const LEAVE_THREAD_EVERY_MS = 20;

/** Transforms output `index` of an op before it is stored. */
export type Store = (values: Float64Array, op: Op, index: number) => Float64Array;

export const exactly: Store = (values) => values;

/** A network's state in float64. */
export class ReferenceSession implements Session {
  readonly #network: CompiledNetwork;
  readonly #store: Store;
  readonly #group: Group;
  readonly #state = new Map<string, Float64Array>();
  #leftThreadAt = performance.now();

  constructor(network: CompiledNetwork, store: Store, group: Group) {
    this.#group = group;
    this.#network = network;
    this.#store = store;
    for (const [name, shape] of network.layout.shapes)
      this.#state.set(name, new Float64Array(elementCount(shape)));
  }

  async read(name: string): Promise<Float64Array> {
    return this.#tensor(name).slice();
  }

  write(name: string, numbers: ArrayLike<number>): void {
    requireCount(name, requireTensor(this.#network, name), numbers);
    this.#tensor(name).set(numbers);
  }

  async run(
    program: string,
    inputs: Readonly<Record<string, Input>>,
    scalars?: RunScalars,
  ): Promise<Outputs> {
    const compiled = requireProgram(this.#network, program);
    const { graph, plan } = compiled;
    requireInputs(graph, inputs);
    requireScalars(program, compiled, scalars);
    const ofRank = scalarsOfRank(scalars, compiled, this.#group);
    const frame = new Frame(graph, plan.tree, this.#group);
    for (const [name, id] of graph.inputs) {
      frame.set(id, channelsFirst(numbersOf(inputs[name]!), frame.shape(id)));
    }
    for (const [name, id] of graph.state) frame.set(id, this.#tensor(name));

    const lastReader = lastReaders(graph);
    for (const op of graph.ops) {
      await runOp(frame, op, ofRank);
      op.outputs.forEach((id, i) => {
        frame.set(id, this.#store(frame.get(id), op, i));
      });
      requireFinite(frame, op, graph);
      for (const id of new Set([...opInputs(op), ...op.outputs]))
        if (lastReader.get(id) === op) frame.drop(id);
      await this.#leaveThread();
    }

    const outputs = new Map<string, Float64Array>();
    for (const [name, id] of graph.outputs) {
      if (this.#state.has(name)) this.#state.set(name, frame.get(id));
      else outputs.set(name, channelsLast(frame.get(id), frame.shape(id)));
    }
    const names = new Map([...graph.state].map(([name, id]) => [id, name]));
    for (const [old, id] of graph.updates) this.#state.set(names.get(old)!, frame.get(id));
    return outputs;
  }

  async close(): Promise<void> {}

  /** Yields to the event loop between ops, a few dozen times a second. */
  async #leaveThread(): Promise<void> {
    if (performance.now() - this.#leftThreadAt < LEAVE_THREAD_EVERY_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#leftThreadAt = performance.now();
  }

  #tensor(name: string): Float64Array {
    requireTensor(this.#network, name);
    return this.#state.get(name)!;
  }
}

function numbersOf(input: Input): Numbers {
  if (!isSource(input)) return input;
  const all = new Float32Array(input.length);
  input.copyTo(all, 0);
  return all;
}

/** The last op that reads each value, after which it is freed; outputs, updates and state are kept. */
function lastReaders(graph: Graph): ReadonlyMap<ValueId, Op> {
  const last = new Map<ValueId, Op>();
  for (const op of graph.ops) for (const id of [...op.outputs, ...opInputs(op)]) last.set(id, op);
  for (const kept of [graph.outputs.values(), graph.updates.values(), graph.state.values()]) {
    for (const id of kept) last.delete(id);
  }
  return last;
}

/** Statistics, loss and the gradients of parameters must be finite: NaN in the state would be permanent. */
function requireFinite(frame: Frame, op: Op, graph: Graph): void {
  const quantities: Partial<Record<Op['kind'], string>> = {
    statistics: 'statistics',
    crossEntropy: 'loss',
    clipNorm: 'gradient norm',
  };
  const asked = new Set(graph.outputs.values());
  for (const id of op.outputs) {
    const isGradient = asked.has(id) && op.kind.includes('Grad');
    const quantity = quantities[op.kind] ?? (isGradient ? 'gradient' : undefined);
    if (quantity && !allFinite(frame.get(id))) throw new NonFiniteError(op.layer.label, quantity);
  }
}

/** N, H, W, C → N, C, H, W. */
function channelsFirst(data: Numbers, shape: Shape): Float64Array {
  const [n, c, h, w] = asFeatureMap(shape);
  const out = new Float64Array(data.length);
  forPixels(n, c, h * w, (first, last) => {
    out[first] = data[last]!;
  });
  return out;
}

/** A copy: N, C, H, W → N, H, W, C; vectors and scalars as they are. */
function channelsLast(data: Float64Array, shape: Shape): Float64Array {
  if (shape.length !== 4) return data.slice();
  const [n, c, h, w] = asFeatureMap(shape);
  const out = new Float64Array(data.length);
  forPixels(n, c, h * w, (first, last) => {
    out[last] = data[first]!;
  });
  return out;
}

function forPixels(n: number, c: number, pixels: number, visit: (first: number, last: number) => void): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < c; k++) {
      for (let p = 0; p < pixels; p++) visit((i * c + k) * pixels + p, (i * pixels + p) * c + k);
    }
  }
}
