import { type Graph, isTraining, type Op, opInputs, type ValueId } from '../graph/op.ts';
import { asFeatureMap } from '../tensor/shape.ts';
import type { BatchTree } from './batch-tree.ts';
import type { BufferId, BufferRole, BufferSpec, Size, Vector, View } from './buffers.ts';
import type { LayerRecord, TargetRecord } from './record.ts';
import type { Lowered, LoweringRequest } from './target.ts';

/** Collects records and buffers while ops are lowered, for all targets. */
export class Lowering<R extends TargetRecord = TargetRecord> implements Lowered {
  readonly graph: Graph;
  readonly records: LayerRecord<R>[] = [];
  readonly prepare: LayerRecord<R>[] = [];
  readonly prepared = new Set<BufferId>();
  readonly buffers: BufferSpec[] = [];
  scratchBytes = 0;
  /** Operands of concatenations that have to be copied, because they are stored elsewhere. */
  readonly copies: LoweringRequest['placement']['copies'];
  /** Values whose statistics some op reads. */
  readonly wantsStatistics: ReadonlySet<ValueId>;
  readonly isTraining: boolean;
  readonly tree: BatchTree;
  readonly #read: ReadonlySet<ValueId>;
  readonly #places: LoweringRequest['placement']['places'];
  readonly #rootBuffers: ReadonlyMap<ValueId, BufferId>;

  constructor({ graph, placement, rootBuffers, buffers, tree }: LoweringRequest) {
    this.graph = graph;
    this.tree = tree;
    this.copies = placement.copies;
    this.#places = placement.places;
    this.#rootBuffers = rootBuffers;
    this.buffers.push(...buffers);
    this.wantsStatistics = new Set(graph.ops.flatMap((op) => (op.kind === 'statistics' ? [op.x] : [])));
    this.isTraining = isTraining(graph);
    this.#read = new Set([...graph.ops.flatMap(opInputs), ...graph.outputs.values()]);
  }

  emit(op: Op, record: R): void {
    this.records.push({ op, record });
  }

  /** Emits the record that computes buffers from these values: once before all runs, if possible. */
  emitOnce(op: Op, of: readonly ValueId[], buffers: readonly BufferId[], record: R): void {
    const { values } = this.graph;
    const isKept =
      !this.isTraining && of.every((id) => values[id]!.role === 'parameter' || values[id]!.role === 'buffer');
    if (!isKept) return this.emit(op, record);
    this.prepare.push({ op, record });
    for (const id of buffers) this.prepared.add(id);
  }

  /** True if an op or the caller reads a value. */
  isRead(id: ValueId): boolean {
    return this.#read.has(id);
  }

  /** A temporary buffer of an op's kernels; `what` names it. */
  temporary(op: Op, what: string, role: BufferRole, floats: number): BufferId {
    const id = this.buffers.length as BufferId;
    const content = { kind: 'temporary', op, what } as const;
    this.buffers.push({ id, role, layer: op.layer, bytes: floats * 4, content });
    return id;
  }

  /** Sets the size of a buffer that was created before its size was known. */
  resize(id: BufferId, floats: number): void {
    this.buffers[id] = { ...this.buffers[id]!, bytes: floats * 4 };
  }

  needScratch(floats: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, floats * 4);
  }

  view(id: ValueId): View {
    const { root, offset, stride, elementBytes } = this.#places.get(id)!;
    return { address: this.#rootBuffers.get(root)!, offset, stride, elementBytes };
  }

  vector(id: ValueId): Vector {
    const { address, offset } = this.view(id);
    return { address, offset };
  }

  size(id: ValueId): Size {
    const [images, channels, height, width] = asFeatureMap(this.graph.values[id]!.shape);
    return { images, height, width, channels };
  }
}
