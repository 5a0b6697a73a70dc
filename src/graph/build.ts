import { formatShape, type Shape, ShapeError } from '../tensor/shape.ts';
import { inferShapes } from './infer-shape.ts';
import {
  type Graph,
  mapInputs,
  type Op,
  type OpSpec,
  opInputs,
  type Value,
  type ValueId,
  type ValueRole,
} from './op.ts';

/** Collects values and ops in order and infers each shape. `build` freezes the result. */
export class GraphBuilder {
  readonly #values: Value[] = [];
  readonly #ops: Op[] = [];
  readonly #inputs = new Map<string, ValueId>();
  readonly #state = new Map<string, ValueId>();
  readonly #outputs = new Map<string, ValueId>();
  readonly #updates = new Map<ValueId, ValueId>();

  /** Extends an existing graph: its ids stay valid. */
  static from(graph: Graph): GraphBuilder {
    const builder = new GraphBuilder();
    builder.#values.push(...graph.values);
    builder.#ops.push(...graph.ops);
    for (const [name, id] of graph.inputs) builder.#inputs.set(name, id);
    for (const [name, id] of graph.state) builder.#state.set(name, id);
    for (const [name, id] of graph.outputs) builder.#outputs.set(name, id);
    for (const [old, id] of graph.updates) builder.#updates.set(old, id);
    return builder;
  }

  input(name: string, shape: Shape): ValueId {
    const id = this.#value(name, shape, 'input');
    this.#inputs.set(name, id);
    return id;
  }

  /** A parameter or buffer under its PyTorch name. */
  state(name: string, shape: Shape, role: 'parameter' | 'buffer'): ValueId {
    if (this.#state.has(name)) throw new RangeError(`two tensors of the model are called ${name}`);
    const id = this.#value(name, shape, role);
    this.#state.set(name, id);
    return id;
  }

  /** Appends an op and returns its outputs. @throws ShapeError */
  add(spec: OpSpec): ValueId[] {
    const shapes = inferShapes(spec, (id) => this.shapeOf(id));
    const outputs = shapes.map((shape) => this.#value(`${spec.layer.label} ${spec.kind}`, shape, 'result'));
    this.#ops.push({ ...spec, outputs } as Op);
    return outputs;
  }

  /** Appends an op and returns its first output. */
  addOne(spec: OpSpec): ValueId {
    return this.add(spec)[0]!;
  }

  output(name: string, id: ValueId): void {
    this.#outputs.set(name, id);
  }

  update(state: ValueId, replacement: ValueId): void {
    this.#updates.set(state, replacement);
  }

  shapeOf(id: ValueId): Shape {
    return this.#values[id]!.shape;
  }

  build(): Graph {
    return {
      values: [...this.#values],
      ops: [...this.#ops],
      inputs: new Map(this.#inputs),
      state: new Map(this.#state),
      outputs: new Map(this.#outputs),
      updates: new Map(this.#updates),
    };
  }

  /** @throws ShapeError when a size is not a whole number from 1: later values would be NaN or empty. */
  #value(name: string, shape: Shape, role: ValueRole): ValueId {
    if (!shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
      throw new ShapeError(name, `has the shape ${formatShape(shape)}: expected whole numbers from 1`);
    }
    const id = this.#values.length as ValueId;
    this.#values.push({ id, name, shape, role });
    return id;
  }
}

/** The interface of a rewrite: maps old values to new ones and adds ops. */
export interface Rewriter {
  readonly builder: GraphBuilder;
  /** The new id of a value of the old graph. */
  now(old: ValueId): ValueId;
  /** Later readers of the old value read the new one. */
  replace(old: ValueId, id: ValueId): void;
  /** Copies an op of the old graph, reading the new values. */
  keep(op: Op): void;
}

/** Rebuilds a graph op by op; `visit` keeps, replaces or drops each. Unused ops and values are dropped. */
export function rewrite(graph: Graph, visit: (op: Op, to: Rewriter) => void): Graph {
  const builder = new GraphBuilder();
  const moved = new Map<ValueId, ValueId>();
  const now = (old: ValueId): ValueId => moved.get(old)!;
  const to: Rewriter = {
    builder,
    now,
    replace: (old, id) => void moved.set(old, id),
    keep(op) {
      const { outputs, ...spec } = op;
      const ids = builder.add(mapInputs(spec as OpSpec, now));
      outputs.forEach((old, i) => {
        moved.set(old, ids[i]!);
      });
    },
  };
  for (const [name, id] of graph.inputs) moved.set(id, builder.input(name, graph.values[id]!.shape));
  for (const [name, id] of graph.state) {
    const { shape, role } = graph.values[id]!;
    moved.set(id, builder.state(name, shape, role as 'parameter' | 'buffer'));
  }
  for (const op of graph.ops) visit(op, to);
  for (const [name, id] of graph.outputs) builder.output(name, now(id));
  for (const [old, id] of graph.updates) builder.update(now(old), now(id));
  return withoutDeadOps(builder.build());
}

/** How many ops, outputs and updates read each value. */
export function countReaders(graph: Graph): ReadonlyMap<ValueId, number> {
  const counts = new Map<ValueId, number>();
  const read = (id: ValueId) => counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const op of graph.ops) opInputs(op).forEach(read);
  for (const id of graph.outputs.values()) read(id);
  for (const id of graph.updates.values()) read(id);
  return counts;
}

/** The op that wrote each value. */
export function producers(graph: Graph): ReadonlyMap<ValueId, Op> {
  return new Map(graph.ops.flatMap((op) => op.outputs.map((id) => [id, op] as const)));
}

function withoutDeadOps(graph: Graph): Graph {
  const live = new Set<ValueId>([...graph.outputs.values(), ...graph.updates.values()]);
  const ops = [...graph.ops].reverse().filter((op) => {
    if (!op.outputs.some((id) => live.has(id))) return false;
    for (const id of opInputs(op)) live.add(id);
    return true;
  });
  return { ...graph, ops: ops.reverse() };
}
