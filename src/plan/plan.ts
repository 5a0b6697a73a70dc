import { gradientName } from '../graph/autodiff/differentiate.ts';
import type { Graph, Op, ValueId } from '../graph/op.ts';
import type { Precision } from '../tensor/precision.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import { type Arena, type ArenaPlace, layOut, layOutInOrder } from './arena.ts';
import { ALONE, type BatchTree } from './batch-tree.ts';
import type { BufferId, BufferSpec, PlacedBuffer, Slab, View } from './buffers.ts';
import { type LiveInterval, liveIntervals } from './liveness.ts';
import { type Placement, place, storageElements } from './place.ts';
import { purposes } from './purpose.ts';
import type { LayerRecord } from './record.ts';
import { schedule } from './schedule.ts';
import type { Target } from './target.ts';

/** A buffer with its address and lifetime. */
export interface PlanBuffer extends BufferSpec, PlacedBuffer {
  /** Live records of the program; persistent buffers are live throughout. */
  readonly interval: LiveInterval;
}

/** A tensor that the caller writes before a run or reads after it. */
export interface Port {
  readonly view: View;
  readonly shape: Shape;
}

/** A program before encoding: all records and buffers, with their sizes. Immutable. */
export interface Plan {
  /** The target that runs it. */
  readonly target: Target;
  readonly tree: BatchTree;
  readonly records: readonly LayerRecord[];
  /**
   * Records that depend on state alone (packed weights, coefficients of batch norms), for programs that do not change
   * the state: to be run after each change of the state.
   */
  readonly prepare: readonly LayerRecord[];
  readonly buffers: readonly PlanBuffer[];
  readonly inputs: ReadonlyMap<string, Port>;
  readonly outputs: ReadonlyMap<string, Port>;
  readonly persistentBytes: number;
  readonly transientBytes: number;
  readonly preparedBytes: number;
  /** Sizes of the parts of each slab; several parts if the target's buffers are too small. */
  readonly partBytes: Readonly<Record<Slab, readonly number[]>>;
  /** Scratch of each thread in bytes. */
  readonly scratchBytes: number;
}

/** Addresses of parameters, running statistics and gradients in the persistent slab. */
export interface StateLayout extends Arena<string> {
  readonly shapes: ReadonlyMap<string, Shape>;
}

/**
 * Lays out state in its own order (the model's, then the optimiser's), then (for training) gradients.
 * @param withGradients of all parameters, of none, or of those named.
 */
export function layOutState(
  state: ReadonlyMap<string, { readonly role: string; readonly shape: Shape }>,
  withGradients: boolean | ReadonlySet<string>,
  target: Target,
): StateLayout {
  const hasGradient = (name: string) =>
    typeof withGradients === 'boolean' ? withGradients : withGradients.has(name);
  const shapes = new Map<string, Shape>();
  for (const [name, { shape }] of state) shapes.set(name, shape);
  for (const [name, { shape, role }] of state) {
    if (role === 'parameter' && hasGradient(name)) shapes.set(gradientName(name), shape);
  }
  const requests = [...shapes].map(([id, shape]) => ({ id, bytes: elementCount(shape) * 4 }));
  return { ...layOutInOrder(requests, target), shapes };
}

export interface PlanOptions {
  /** Storage type of feature maps and their gradients, in engines other than `reference`. Default `f32`. */
  readonly precision?: Precision | undefined;
  /** The target that runs the plan (`Engine.target`). */
  readonly target: Target;
  /** Default: 16 leaves, on one machine. */
  readonly tree?: BatchTree;
}

/** Graph (rewritten, fused, differentiated) → plan. @throws BufferTooLargeError */
export function createPlan(
  unordered: Graph,
  state: StateLayout,
  { precision = 'f32', target, tree = ALONE }: PlanOptions,
): Plan {
  const graph = schedule(unordered);
  const placement = place(graph, precision, target.pixelStride);
  const persistent = persistentNames(graph, placement, state);

  const purposeOf = purposes(graph, placement);
  const rootBuffers = new Map<ValueId, BufferId>();
  const specs: BufferSpec[] = [];
  const indices = new Set(graph.ops.flatMap(indexOf));
  for (const { id, shape } of graph.values) {
    const { root, stride, elementBytes } = placement.places.get(id)!;
    if (root !== id) continue;
    rootBuffers.set(id, specs.length as BufferId);
    const bytes = storageElements(shape, stride) * (indices.has(id) ? 1 : elementBytes);
    const { role, layer, content } = purposeOf(id, persistent.get(id));
    specs.push({ id: specs.length as BufferId, role, layer, content, bytes });
  }
  const lowered = target.lower({ graph, placement, rootBuffers, buffers: specs, precision, tree });

  const port = (id: ValueId): Port => {
    const { root, offset, stride, elementBytes } = placement.places.get(id)!;
    const view = { address: rootBuffers.get(root)!, offset, stride, elementBytes };
    return { view, shape: graph.values[id]!.shape };
  };
  const inputs = new Map([...graph.inputs].map(([name, id]) => [name, port(id)]));
  const outputs = new Map([...graph.outputs].map(([name, id]) => [name, port(id)]));
  const addresses = (ports: ReadonlyMap<string, Port>) =>
    [...ports.values()].map(({ view }) => view.address!);
  const intervals = liveIntervals(lowered.records, target.buffersOf, addresses(inputs), addresses(outputs));

  const isPersistent = new Map([...persistent].map(([root, name]) => [rootBuffers.get(root)!, name]));
  const arena = layOut(
    lowered.buffers.flatMap(({ id, bytes }) => {
      const interval = intervals.get(id);
      return interval && !isPersistent.has(id) && !lowered.prepared.has(id) ? [{ id, bytes, interval }] : [];
    }),
    target,
  );
  const isPrepared = ({ id }: BufferSpec) => lowered.prepared.has(id);
  const prepared = layOutInOrder(lowered.buffers.filter(isPrepared), target);
  const whole = { first: 0, last: lowered.records.length };
  const buffers = lowered.buffers.flatMap((buffer): PlanBuffer[] => {
    const name = isPersistent.get(buffer.id);
    if (name !== undefined) {
      return [placed(buffer, 'persistent', state.places.get(name)!, whole)];
    }
    const place = prepared.places.get(buffer.id);
    if (place) return [placed(buffer, 'prepared', place, whole)];
    const interval = intervals.get(buffer.id);
    return interval ? [placed(buffer, 'transient', arena.places.get(buffer.id)!, interval)] : [];
  });
  return {
    target,
    tree,
    records: lowered.records,
    prepare: lowered.prepare,
    buffers,
    inputs,
    outputs,
    persistentBytes: state.bytes,
    transientBytes: arena.bytes,
    preparedBytes: prepared.bytes,
    partBytes: { persistent: state.partBytes, transient: arena.partBytes, prepared: prepared.partBytes },
    scratchBytes: lowered.scratchBytes,
  };
}

/**
 * Field by field: spreading two objects takes twice the memory, and the plan search creates many thousands of them.
 */
function placed(
  { id, role, layer, content, bytes }: BufferSpec,
  slab: Slab,
  { part, offset }: ArenaPlace,
  interval: LiveInterval,
): PlanBuffer {
  return { id, role, layer, content, bytes, slab, part, offset, interval };
}

/**
 * Memory of a session of these plans in bytes: state, buffers prepared from it once (shared by programs that differ
 * only in the number of images), the largest program, and scratch for each thread.
 */
export function plannedPeakBytes(plans: readonly Plan[], threads: number): number {
  const most = (of: (plan: Plan) => number) => plans.reduce((max, plan) => Math.max(max, of(plan)), 0);
  const prepared = new Map(
    plans.map((plan) => [plan.target.encode(plan.buffers, plan.prepare).words.join(), plan.preparedBytes]),
  );
  return (
    [...prepared.values()].reduce((sum, bytes) => sum + bytes, 0) +
    most((plan) => plan.persistentBytes) +
    most((plan) => plan.transientBytes) +
    threads * most((plan) => plan.scratchBytes)
  );
}

/** The index of a max pool: one byte per output. */
function indexOf(op: Op): readonly ValueId[] {
  if (op.kind === 'maxPool') return op.outputs.slice(1);
  return op.kind === 'conv2dMaxPool' ? op.outputs.slice(2) : [];
}

/** Roots stored in the persistent slab, by name: state, and gradients of parameters. */
function persistentNames(
  graph: Graph,
  { places }: Placement,
  state: StateLayout,
): ReadonlyMap<ValueId, string> {
  const names = new Map<ValueId, string>();
  for (const [name, id] of graph.state) if (state.places.has(name)) names.set(id, name);
  for (const [name, id] of graph.outputs) {
    if (state.places.has(name)) names.set(places.get(id)!.root, name);
  }
  return names;
}
