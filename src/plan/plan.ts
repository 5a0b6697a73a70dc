import { gradientName } from '../graph/autodiff/differentiate.ts';
import type { Graph, Op, ValueId } from '../graph/op.ts';
import type { Precision } from '../tensor/precision.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import { type Arena, layOut, layOutInOrder } from './arena.ts';
import { type LiveInterval, liveIntervals } from './liveness.ts';
import { type BufferSpec, type LayerRecord, LoweringContext } from './lower/context.ts';
import { lower } from './lower/lower.ts';
import { type Placement, place, storageElements } from './place.ts';
import { encodePrepare } from './program.ts';
import { purposes } from './purpose.ts';
import type { BufferId, View } from './records.ts';
import { schedule } from './schedule.ts';

/**
 * `persistent` is laid out by the model alone and shared by its programs; `transient` is a program's own, for the time
 * of a run; `prepared` is what `Plan.prepare` makes of the state, for all runs until the state changes.
 */
export type Slab = 'persistent' | 'transient' | 'prepared';

/** A buffer with its place: what the plan promises before anything runs. */
export interface PlanBuffer extends BufferSpec {
  readonly slab: Slab;
  readonly offset: number;
  /** In records of the program; what outlives a run lives throughout. */
  readonly interval: LiveInterval;
}

/** Something the caller writes before a run or reads after it. */
export interface Port {
  readonly view: View;
  readonly shape: Shape;
}

/** A program before it is encoded: every record, every buffer, every byte. Immutable. */
export interface Plan {
  readonly records: readonly LayerRecord[];
  /**
   * What depends on state alone (packed weights, batch norms' coefficients), where no run changes the state: to be run
   * when it has changed since.
   */
  readonly prepare: readonly LayerRecord[];
  readonly buffers: readonly PlanBuffer[];
  readonly inputs: ReadonlyMap<string, Port>;
  readonly outputs: ReadonlyMap<string, Port>;
  readonly persistentBytes: number;
  readonly transientBytes: number;
  readonly preparedBytes: number;
  /** Of each thread. */
  readonly scratchBytes: number;
}

/** Where each parameter, running statistic and gradient lies in the persistent slab. */
export interface StateLayout extends Arena<string> {
  readonly shapes: ReadonlyMap<string, Shape>;
}

/**
 * State in its own order (the model's, then the optimiser's), then (for training) gradients.
 * @param withGradients of all parameters, of none, or of those named.
 */
export function layOutState(
  state: ReadonlyMap<string, { readonly role: string; readonly shape: Shape }>,
  withGradients: boolean | ReadonlySet<string>,
): StateLayout {
  const hasGradient = (name: string) =>
    typeof withGradients === 'boolean' ? withGradients : withGradients.has(name);
  const shapes = new Map<string, Shape>();
  for (const [name, { shape }] of state) shapes.set(name, shape);
  for (const [name, { shape, role }] of state) {
    if (role === 'parameter' && hasGradient(name)) shapes.set(gradientName(name), shape);
  }
  const requests = [...shapes].map(([id, shape]) => ({ id, bytes: elementCount(shape) * 4 }));
  return { ...layOutInOrder(requests), shapes };
}

export interface PlanOptions {
  /** What engines other than `reference` store feature maps and their gradients in. Default `f32`. */
  readonly precision?: Precision | undefined;
  /** As the engine has it (`Engine.hasTiles`): for tiles of bfloat16 numbers. Default: no. */
  readonly tiles?: boolean | undefined;
}

/** Graph (rewritten, fused, differentiated) → plan. */
export function createPlan(
  unordered: Graph,
  state: StateLayout,
  { precision = 'f32', tiles = false }: PlanOptions = {},
): Plan {
  const graph = schedule(unordered);
  const placement = place(graph, precision);
  const persistent = persistentNames(graph, placement, state);

  const purposeOf = purposes(graph, placement);
  const rootBuffers = new Map<ValueId, BufferId>();
  const specs: BufferSpec[] = [];
  const indices = new Set(graph.ops.flatMap(indexOf));
  for (const { id, name, shape } of graph.values) {
    const { root, stride, elementBytes } = placement.places.get(id)!;
    if (root !== id) continue;
    rootBuffers.set(id, specs.length as BufferId);
    const bytes = storageElements(shape, stride) * (indices.has(id) ? 1 : elementBytes);
    const bufferName = persistent.get(id) ?? name;
    specs.push({
      id: specs.length as BufferId,
      name: bufferName,
      bytes,
      ...purposeOf(id, persistent.get(id)),
    });
  }
  const ctx = new LoweringContext(graph, placement, rootBuffers, specs, tiles && precision === 'bf16');
  for (const op of graph.ops) lower(ctx, op, placement.copies);

  const port = (id: ValueId): Port => ({ view: ctx.view(id), shape: graph.values[id]!.shape });
  const inputs = new Map([...graph.inputs].map(([name, id]) => [name, port(id)]));
  const outputs = new Map([...graph.outputs].map(([name, id]) => [name, port(id)]));
  const addresses = (ports: ReadonlyMap<string, Port>) =>
    [...ports.values()].map(({ view }) => view.address!);
  const intervals = liveIntervals(ctx.records, addresses(inputs), addresses(outputs));

  const isPersistent = new Map([...persistent].map(([root, name]) => [rootBuffers.get(root)!, name]));
  const arena = layOut(
    ctx.buffers.flatMap(({ id, bytes }) => {
      const interval = intervals.get(id);
      return interval && !isPersistent.has(id) && !ctx.prepared.has(id) ? [{ id, bytes, interval }] : [];
    }),
  );
  const prepared = layOutInOrder(ctx.buffers.filter(({ id }) => ctx.prepared.has(id)));
  const whole = { first: 0, last: ctx.records.length };
  const buffers = ctx.buffers.flatMap((buffer): PlanBuffer[] => {
    const name = isPersistent.get(buffer.id);
    if (name !== undefined) {
      return [{ ...buffer, slab: 'persistent', offset: state.offsets.get(name)!, interval: whole }];
    }
    const offset = prepared.offsets.get(buffer.id);
    if (offset !== undefined) return [{ ...buffer, slab: 'prepared', offset, interval: whole }];
    const interval = intervals.get(buffer.id);
    return interval
      ? [{ ...buffer, slab: 'transient', offset: arena.offsets.get(buffer.id)!, interval }]
      : [];
  });
  return {
    records: ctx.records,
    prepare: ctx.prepare,
    buffers,
    inputs,
    outputs,
    persistentBytes: state.bytes,
    transientBytes: arena.bytes,
    preparedBytes: prepared.bytes,
    scratchBytes: ctx.scratchBytes,
  };
}

/**
 * Bytes that a session of these plans takes: state, what is made of it once (the same for programs that differ in the
 * number of images only), the largest program, and scratch for each thread.
 */
export function plannedPeakBytes(plans: readonly Plan[], threads: number): number {
  const most = (of: (plan: Plan) => number) => plans.reduce((max, plan) => Math.max(max, of(plan)), 0);
  const prepared = new Map(plans.map((plan) => [encodePrepare(plan).words.join(), plan.preparedBytes]));
  return (
    [...prepared.values()].reduce((sum, bytes) => sum + bytes, 0) +
    most((plan) => plan.persistentBytes) +
    most((plan) => plan.transientBytes) +
    threads * most((plan) => plan.scratchBytes)
  );
}

/** A max pool's index: a byte for each output. */
function indexOf(op: Op): readonly ValueId[] {
  if (op.kind === 'maxPool') return op.outputs.slice(1);
  return op.kind === 'conv2dMaxPool' ? op.outputs.slice(2) : [];
}

/** Roots that lie in the persistent slab, by name: state, and gradients of parameters. */
function persistentNames(
  graph: Graph,
  { places }: Placement,
  state: StateLayout,
): ReadonlyMap<ValueId, string> {
  const names = new Map<ValueId, string>();
  for (const [name, id] of graph.state) if (state.offsets.has(name)) names.set(id, name);
  for (const [name, id] of graph.outputs) {
    if (state.offsets.has(name)) names.set(places.get(id)!.root, name);
  }
  return names;
}
