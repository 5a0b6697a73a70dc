import type {
  BatchNormalization,
  Correction,
  DropoutMask,
  GradOutput,
  Graph,
  Op,
  Prologue,
  ValueId,
  Window,
} from '../../graph/op.ts';
import { opInputs } from '../../graph/op.ts';
import { belowRate } from '../../tensor/random.ts';
import { asFeatureMap } from '../../tensor/shape.ts';
import type { Placement } from '../place.ts';
import type { BufferRole, Purpose } from '../purpose.ts';
import type {
  BufferId,
  DropoutFields,
  GradInputFields,
  GradOutputFields,
  KernelRecord,
  PrologueFields,
  Size,
  Vector,
  View,
  WindowFields,
} from '../records.ts';

/** A buffer before it has an address. */
export interface BufferSpec extends Purpose {
  readonly id: BufferId;
  readonly name: string;
  readonly bytes: number;
}

/** A record and the layer it works for. */
export interface LayerRecord {
  readonly layer: string;
  readonly record: KernelRecord;
}

/** No more partial sums than this, whatever the batch: a figure of the plan, not of the machine. */
export const MAX_CHUNKS = 16;

/** The widest block of outputs that any instruction set packs weights for. */
export const PANEL_WIDTH = 32;

/** Collects records and buffers while ops are lowered, and knows what was computed already. */
export class LoweringContext {
  readonly graph: Graph;
  readonly records: LayerRecord[] = [];
  /** Records that depend on state alone, where no run changes it, and the buffers that hold what they make of it. */
  readonly prepare: LayerRecord[] = [];
  readonly prepared = new Set<BufferId>();
  readonly buffers: BufferSpec[] = [];
  /** Largest scratch any record wants, per thread. */
  scratchBytes = 0;
  /** Partials of statistics that a feature's producer has gathered. */
  readonly gathered = new Map<ValueId, { readonly partials: BufferId; readonly chunks: number }>();
  readonly wantsStatistics: ReadonlySet<ValueId>;
  readonly #read: ReadonlySet<ValueId>;
  /** A step, or a part of one that leaves the change of the state to the last. */
  readonly isTraining: boolean;
  /** Maps are multiplied in tiles, which are faster than any way to multiply less (kernels/conv/tiles.h). */
  readonly hasTiles: boolean;
  readonly #placement: Placement;
  readonly #rootBuffers: ReadonlyMap<ValueId, BufferId>;
  readonly #coefficients = new Map<string, { readonly scale: BufferId; readonly shift: BufferId }>();
  readonly #corrections = new Map<ValueId, { readonly slope: BufferId; readonly intercept: BufferId }>();

  constructor(
    graph: Graph,
    placement: Placement,
    rootBuffers: ReadonlyMap<ValueId, BufferId>,
    buffers: readonly BufferSpec[],
    hasTiles: boolean,
  ) {
    this.graph = graph;
    this.hasTiles = hasTiles;
    this.#placement = placement;
    this.#rootBuffers = rootBuffers;
    this.buffers.push(...buffers);
    this.wantsStatistics = new Set(graph.ops.flatMap((op) => (op.kind === 'statistics' ? [op.x] : [])));
    this.isTraining = graph.updates.size > 0 || graph.ops.some(({ kind }) => kind === 'crossEntropyGrad');
    this.#read = new Set([...graph.ops.flatMap(opInputs), ...graph.outputs.values()]);
  }

  emit(layer: string, record: KernelRecord): void {
    this.records.push({ layer, record });
  }

  /** Emits the record that makes buffers of these values: before all runs, if it can be. */
  emitOnce(layer: string, of: readonly ValueId[], buffers: readonly BufferId[], record: KernelRecord): void {
    const { values } = this.graph;
    const isKept = !this.isTraining && of.every((id) => /^(parameter|buffer)$/.test(values[id]!.role));
    if (!isKept) return this.emit(layer, record);
    this.prepare.push({ layer, record });
    for (const id of buffers) this.prepared.add(id);
  }

  /** True where an op, or the caller, reads a value. */
  isRead(id: ValueId): boolean {
    return this.#read.has(id);
  }

  /** A buffer for a kernel's own needs: `what` it is of its layer. */
  temporary(layer: string, what: string, role: BufferRole, floats: number): BufferId {
    const id = this.buffers.length as BufferId;
    this.buffers.push({ id, name: `${layer} ${what}`, role, layer, bytes: floats * 4 });
    return id;
  }

  needScratch(floats: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, floats * 4);
  }

  view(id: ValueId): View {
    const { root, offset, stride, elementBytes } = this.#placement.places.get(id)!;
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

  /** Records that a kernel reading `prologue` needs come before it; each batch norm's coefficients once. */
  prologue(layer: string, prologue: Prologue | undefined): PrologueFields {
    const relu = prologue?.relu ? 1 : 0;
    const bn = prologue?.batchNorm;
    if (!bn) return { scale: undefined, shift: undefined, relu };
    return { ...this.coefficients(layer, bn), relu };
  }

  gradOutput(layer: string, { value, correction }: GradOutput): GradOutputFields {
    const gradient = this.view(value);
    if (!correction) return { gradient, x: absentView, slope: undefined, intercept: undefined };
    return { gradient, x: this.view(correction.x), ...this.correction(layer, correction) };
  }

  /** Coefficients of the gradient through a feature's statistics: computed once, when first asked for. */
  correction(layer: string, correction: Correction): { slope: BufferId; intercept: BufferId } {
    const known = this.#corrections.get(correction.gradMean);
    if (known) return known;
    const size = this.size(correction.x);
    const slope = this.temporary(layer, 'correction slope', 'statistics', size.channels);
    const intercept = this.temporary(layer, 'correction intercept', 'statistics', size.channels);
    const vectors = {
      mean: this.vector(correction.mean),
      gradMean: this.vector(correction.gradMean),
      gradVariance: this.vector(correction.gradVariance),
    };
    this.emit(layer, { kind: 'finalizeCorrection', ...vectors, slope, intercept, size });
    this.#corrections.set(correction.gradMean, { slope, intercept });
    return { slope, intercept };
  }

  /** Where an input gradient's sums go: a partial per chunk, where its prologue has a batch norm. */
  gradInput(op: Op & { readonly prologue?: Prologue }, chunks: number): GradInputFields {
    const gradient = this.view(op.outputs[0]!);
    const accumulate = op.accumulate?.[0] === undefined ? 0 : 1;
    const bn = op.prologue?.batchNorm;
    if (!bn) return { gradient, accumulate, mean: absentVector, sums: undefined };
    const channels = paddedChannels(this.size(op.outputs[0]!).channels);
    const sums = this.temporary(op.layer, 'gradient sums', 'statistics', chunks * 2 * channels);
    return { gradient, accumulate, mean: this.vector(bn.mean), sums };
  }

  /** After an input gradient: its sums → the gradients of the batch norm's γ, β, mean and variance. */
  finalizeGradSums(
    op: Op & { readonly prologue?: Prologue },
    sums: BufferId | undefined,
    chunks: number,
  ): void {
    const bn = op.prologue?.batchNorm;
    if (!bn) return;
    const [, gradGamma, gradBeta, gradMean, gradVariance] = op.outputs.map((id) => this.vector(id));
    const accumulate = [1, 2, 3, 4].reduce(
      (bits, output, bit) => bits | (op.accumulate?.[output] === undefined ? 0 : 1 << bit),
      0,
    );
    this.emit(op.layer, {
      kind: 'finalizeGradSums',
      sums,
      partialCount: chunks,
      channels: this.size(bn.gamma).channels,
      variance: this.vector(bn.variance),
      gamma: this.vector(bn.gamma),
      eps: bn.eps,
      gradGamma: gradGamma!,
      gradBeta: gradBeta!,
      gradMean: gradMean!,
      gradVariance: gradVariance!,
      accumulate,
    });
  }

  /** The partials that a producer fills when someone wants the statistics of its output. */
  statisticsOf(layer: string, y: ValueId, chunks: number): BufferId | undefined {
    if (!this.wantsStatistics.has(y)) return undefined;
    const { channels } = this.size(y);
    const partials = this.temporary(layer, 'statistics', 'statistics', chunks * 2 * paddedChannels(channels));
    this.gathered.set(y, { partials, chunks });
    return partials;
  }

  /** A batch norm's, for x or, where there is a bias, for x + bias. */
  coefficients(
    layer: string,
    bn: BatchNormalization,
    bias?: ValueId,
  ): { readonly scale: BufferId; readonly shift: BufferId } {
    const key = [bn.mean, bn.variance, bn.gamma, bn.beta, bias].join();
    const known = this.#coefficients.get(key);
    if (known) return known;
    const { channels } = this.size(bn.gamma);
    const scale = this.temporary(layer, 'scale', 'statistics', channels);
    const shift = this.temporary(layer, 'shift', 'statistics', channels);
    const [mean, variance, gamma, beta] = [bn.mean, bn.variance, bn.gamma, bn.beta].map((id) =>
      this.vector(id),
    ) as [Vector, Vector, Vector, Vector];
    const of = [bn.mean, bn.variance, bn.gamma, bn.beta, ...(bias === undefined ? [] : [bias])];
    this.emitOnce(layer, of, [scale, shift], {
      kind: 'coefficients',
      mean,
      variance,
      gamma,
      beta,
      bias: bias === undefined ? absentVector : this.vector(bias),
      scale,
      shift,
      channels,
      eps: bn.eps,
    });
    this.#coefficients.set(key, { scale, shift });
    return { scale, shift };
  }
}

export const absentVector: Vector = { address: undefined, offset: 0 };
export const absentView: View = { address: undefined, offset: 0, stride: 0, elementBytes: 4 };

/** Vectors over channels inside a partial fill whole cache lines: the same rule as in the kernels. */
export function paddedChannels(channels: number): number {
  return Math.ceil(channels / 16) * 16;
}

/** Without a mask nothing is below the threshold. */
export function dropoutFields(mask: DropoutMask | undefined): DropoutFields {
  if (!mask) return { threshold: 0, stream: 0, scale: 1 };
  return { threshold: belowRate(mask.rate), stream: mask.stream, scale: 1 / (1 - mask.rate) };
}

export function windowFields({ kernel, stride, padding }: Window): WindowFields {
  return {
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    strideHeight: stride[0],
    strideWidth: stride[1],
    paddingHeight: padding[0],
    paddingWidth: padding[1],
  };
}

/** Work is cut along the batch, by its size alone. */
export function chunksOf(size: Size): number {
  return Math.min(MAX_CHUNKS, size.images);
}

/** Where images are few and nothing is summed over them, they are cut into rows of what is written too. */
export function rowChunksOf(ctx: LoweringContext, y: ValueId, leastRows = 1): number {
  const size = ctx.size(y);
  if (ctx.wantsStatistics.has(y)) return chunksOf(size);
  const parts = Math.min(Math.floor(size.height / leastRows), Math.floor(MAX_CHUNKS / size.images));
  return parts > 1 ? parts * size.images : chunksOf(size);
}
